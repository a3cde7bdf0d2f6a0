// What the webhook says of certificate files it cannot serve with, and what it reads from those it can.
#include "webhook/certificate.hpp"

#include <gmock/gmock.h>
#include <openssl/pem.h>

#include <fstream>

#include "certs/openssl.hpp"
#include "certs/store.hpp"
#include "tests/webhook/running_server.hpp"

namespace vcuda::webhook::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class CertificateFiles : public ::testing::Test {
 protected:
  CertificateFiles() { issue_into(folder_, now_); }

  void expect_refused(Errc code, const std::string& text, WallClock::time_point when) {
    const auto loaded = load_certificate(folder_.file("tls.crt"), folder_.file("tls.key"), when);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, code);
    EXPECT_THAT(loaded.error().text, HasSubstr(text));
    EXPECT_EQ(loaded.error().text.find('\n'), std::string::npos) << "more than one line";
  }
  void expect_refused(Errc code, const std::string& text) { expect_refused(code, text, now_); }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder_.file(name)) << text; }

  const WallClock::time_point now_ = WallClock::from_time_t(1'800'000'000);
  Folder folder_;
};

TEST_F(CertificateFiles, AGoodPairIsLoadedWithItsLifetime) {
  const auto loaded = load_certificate(folder_.file("tls.crt"), folder_.file("tls.key"), now_);
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ((*loaded)->not_before, now_ - 5min);
  EXPECT_EQ((*loaded)->not_after, now_ + 24h * 90);
  EXPECT_TRUE((*loaded)->valid_at(now_));
  EXPECT_FALSE((*loaded)->valid_at(now_ + 24h * 90));
  EXPECT_FALSE((*loaded)->valid_at(now_ - 6min));
  EXPECT_EQ(utc((*loaded)->not_after), "2027-04-15T08:00:00Z");
}

TEST_F(CertificateFiles, MissingOnesAreNamed) {
  std::filesystem::remove(folder_.file("tls.key"));
  expect_refused(Errc::file, "cannot read the key " + folder_.file("tls.key") + ": No such file");
  std::filesystem::remove(folder_.file("tls.crt"));
  expect_refused(Errc::file, "cannot read the certificate " + folder_.file("tls.crt") + ": No such file");
  std::filesystem::create_directory(folder_.file("tls.crt"));
  expect_refused(Errc::file, "cannot read the certificate");
}

TEST_F(CertificateFiles, EmptyAndForeignOnesAreNamed) {
  write("tls.key", "");
  expect_refused(Errc::file, "the file is empty");
  write("tls.key", "not a key");
  expect_refused(Errc::certificate, "tls.key is not an unencrypted PEM key");
  write("tls.crt", "not a certificate");
  expect_refused(Errc::certificate, "tls.crt is not a PEM certificate");
}

TEST_F(CertificateFiles, AKeyOfAnotherCertificateIsRefused) {
  Folder other;
  issue_into(other, now_);
  std::filesystem::copy_file(other.file("tls.key"), folder_.file("tls.key"),
                             std::filesystem::copy_options::overwrite_existing);
  expect_refused(Errc::certificate, "tls.key does not belong to the certificate");
}

TEST_F(CertificateFiles, AnEncryptedKeyDoesNotPrompt) {
  const certs::openssl::Key key(EVP_EC_gen("P-256"));
  const certs::openssl::Memory out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), "secret", 6, nullptr, nullptr);
  write("tls.key", certs::openssl::text(out.get()));
  expect_refused(Errc::certificate, "not an unencrypted PEM key");
}

TEST_F(CertificateFiles, ALifetimeThatIsOverOrNotBegunIsSaid) {
  expect_refused(Errc::certificate, "it is 2027-04-15T08:00:00Z", now_ + 24h * 90);
  expect_refused(Errc::certificate, "valid from 2027-01-15T07:55:00Z", now_ - 1h);
}

}  // namespace
}  // namespace vcuda::webhook::testing
