# Run: admission_review_fuzz FOLDER tests/fuzz/corpus/admission_review  (new inputs go to the first folder)
vcuda_fuzz(admission_review_fuzz SOURCES admission_review_fuzz.cpp LIBS webhook_core vcuda::injector OpenSSL::Crypto)
