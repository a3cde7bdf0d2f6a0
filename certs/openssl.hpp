// RAII owners for the OpenSSL 3 objects this folder uses, and OpenSSL's error queue as a Failure. Nothing
// else: no policy about keys, names or lifetimes stands here.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "certs/failure.hpp"

namespace vcuda::certs::openssl {

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};

using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free_all>>;
using BigNumber = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

// Takes the newest entry off this thread's OpenSSL error queue, empties it, and says what was being done.
inline Failure failure(std::string_view doing) {
  char reason[256] = "no reason given";
  if (const unsigned long code = ERR_peek_last_error()) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  return {Errc::crypto, "OpenSSL could not " + std::string(doing) + ": " + reason};
}

// Copies what was written to a memory BIO.
inline std::string text(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace vcuda::certs::openssl
