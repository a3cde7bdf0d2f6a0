// What the issued certificates say, read back through OpenSSL, and that a TLS client would accept them.
#include "certs/issue.hpp"

#include <gmock/gmock.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <set>

#include "certs/openssl.hpp"

namespace vcuda::certs {
namespace {

using namespace std::chrono_literals;
using openssl::Certificate;
using openssl::Key;

const Clock::time_point noon = Clock::from_time_t(1'800'000'000);

Certificate certificate(const std::string& pem) {
  const openssl::Memory in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
}

Key key(const std::string& pem) {
  const openssl::Memory in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
}

IssueRequest request() { return {*service_names("hook", "ns"), default_ca_lifetime, default_leaf_lifetime}; }

Issued issued(const IssueRequest& wanted = request()) {
  auto made = issue(wanted, noon);
  EXPECT_TRUE(made) << made.error().text;
  return *made;
}

// As a strict TLS client at `when`: X509_V_OK or the reason.
int verify(const Issued& made, const std::string& ca, const char* host, Clock::time_point when) {
  const std::unique_ptr<X509_STORE, openssl::Free<X509_STORE_free>> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), certificate(ca).get());
  const Certificate leaf = certificate(made.certificate);
  const std::unique_ptr<X509_STORE_CTX, openssl::Free<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_time(parameters, Clock::to_time_t(when));
  X509_VERIFY_PARAM_set1_host(parameters, host, 0);
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

TEST(Issue, AStrictClientAcceptsEveryName) {
  const Issued made = issued();
  for (const char* name : {"hook", "hook.ns", "hook.ns.svc", "hook.ns.svc.cluster.local"})
    EXPECT_EQ(verify(made, made.ca_certificate, name, noon), X509_V_OK) << name;
  EXPECT_EQ(verify(made, made.ca_certificate, "hook.other.svc", noon), X509_V_ERR_HOSTNAME_MISMATCH);
}

TEST(Issue, AnAddressIsANameToo) {
  IssueRequest wanted;
  wanted.names.addresses = {"127.0.0.1", "::1"};
  const Certificate leaf = certificate(issued(wanted).certificate);
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "::1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "127.0.0.2", 0), 0);
}

TEST(Issue, AnotherCaIsNotAccepted) {
  EXPECT_NE(verify(issued(), issued().ca_certificate, "hook", noon), X509_V_OK);
}

TEST(Issue, ValidFromFiveMinutesAgoForItsLifetime) {
  const Issued made = issued();
  EXPECT_EQ(verify(made, made.ca_certificate, "hook", noon - backdating), X509_V_OK);
  EXPECT_EQ(verify(made, made.ca_certificate, "hook", noon - backdating - 2s), X509_V_ERR_CERT_NOT_YET_VALID);
  EXPECT_EQ(verify(made, made.ca_certificate, "hook", noon + default_leaf_lifetime - 2s), X509_V_OK);
  EXPECT_EQ(verify(made, made.ca_certificate, "hook", noon + default_leaf_lifetime + 2s),
            X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(made.not_after, noon + default_leaf_lifetime);

  const Certificate ca = certificate(made.ca_certificate);
  const std::time_t before = Clock::to_time_t(noon + default_ca_lifetime - 2s);
  const std::time_t after = Clock::to_time_t(noon + default_ca_lifetime + 2s);
  EXPECT_EQ(ASN1_TIME_cmp_time_t(X509_get0_notAfter(ca.get()), before), 1);
  EXPECT_EQ(ASN1_TIME_cmp_time_t(X509_get0_notAfter(ca.get()), after), -1);
}

TEST(Issue, LifetimesPast2050AreWritten) {
  IssueRequest wanted = request();
  wanted.ca_lifetime = wanted.leaf_lifetime = max_lifetime;
  const Issued made = issued(wanted);
  EXPECT_EQ(verify(made, made.ca_certificate, "hook", noon + max_lifetime - 2s), X509_V_OK);
}

TEST(Issue, KeysAreP256AndBelongToTheirCertificates) {
  const Issued made = issued();
  for (const auto& [pem, key_text] :
       {std::pair{made.ca_certificate, made.ca_key}, {made.certificate, made.key}}) {
    const Key private_key = key(key_text);
    ASSERT_TRUE(private_key);
    char group[32] = {};
    std::size_t length = 0;
    ASSERT_EQ(EVP_PKEY_get_group_name(private_key.get(), group, sizeof group, &length), 1);
    EXPECT_STREQ(group, "prime256v1");
    EXPECT_EQ(X509_check_private_key(certificate(pem).get(), private_key.get()), 1);
  }
  EXPECT_NE(made.ca_key, made.key);
}

TEST(Issue, UsagesAreAsNarrowAsTheyCanBe) {
  const Issued made = issued();
  const Certificate ca = certificate(made.ca_certificate);
  const Certificate leaf = certificate(made.certificate);
  EXPECT_EQ(X509_get_key_usage(ca.get()), std::uint32_t{KU_KEY_CERT_SIGN | KU_CRL_SIGN});
  EXPECT_EQ(X509_get_key_usage(leaf.get()), std::uint32_t{KU_DIGITAL_SIGNATURE});
  EXPECT_EQ(X509_get_extended_key_usage(leaf.get()), std::uint32_t{XKU_SSL_SERVER});
  EXPECT_TRUE(X509_get_extension_flags(ca.get()) & EXFLAG_CA);
  EXPECT_FALSE(X509_get_extension_flags(leaf.get()) & EXFLAG_CA);
  EXPECT_EQ(X509_get_pathlen(ca.get()), 0);
  EXPECT_EQ(X509_get_version(leaf.get()), X509_VERSION_3);
}

TEST(Issue, TheLeafPointsAtItsCa) {
  const Issued made = issued();
  const Certificate ca = certificate(made.ca_certificate);
  const Certificate leaf = certificate(made.certificate);
  const ASN1_OCTET_STRING* authority = X509_get0_authority_key_id(leaf.get());
  const ASN1_OCTET_STRING* subject = X509_get0_subject_key_id(ca.get());
  ASSERT_TRUE(authority && subject);
  EXPECT_EQ(ASN1_OCTET_STRING_cmp(authority, subject), 0);
  EXPECT_TRUE(X509_get0_subject_key_id(leaf.get()));
  EXPECT_EQ(X509_NAME_cmp(X509_get_issuer_name(leaf.get()), X509_get_subject_name(ca.get())), 0);
}

TEST(Issue, SerialsHave128BitsAndNeverRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    const Issued made = issued();
    for (const std::string& pem : {made.ca_certificate, made.certificate}) {
      const openssl::BigNumber serial(
          ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate(pem).get()), nullptr));
      EXPECT_EQ(BN_num_bits(serial.get()), serial_bits);
      EXPECT_FALSE(BN_is_negative(serial.get()));
      std::string bytes(static_cast<std::size_t>(BN_num_bytes(serial.get())), '\0');
      BN_bn2bin(serial.get(), reinterpret_cast<unsigned char*>(bytes.data()));
      EXPECT_TRUE(seen.insert(bytes).second);
    }
  }
}

TEST(Issue, RefusesLifetimesThatMakeNoSense) {
  for (const auto& [ca, leaf] : {std::pair{Days{0}, Days{1}},
                                 {Days{1}, Days{0}},
                                 {Days{-1}, Days{-1}},
                                 {Days{10}, Days{11}},
                                 {max_lifetime + Days{1}, Days{1}}}) {
    IssueRequest wanted = request();
    wanted.ca_lifetime = ca;
    wanted.leaf_lifetime = leaf;
    EXPECT_EQ(issue(wanted, noon).error().code, Errc::bad_validity) << ca.count() << " " << leaf.count();
  }
  EXPECT_EQ(issue({}, noon).error().code, Errc::bad_name);
}

TEST(Issue, TheBundleIsBase64OfThePem) {
  EXPECT_EQ(ca_bundle("Man"), "TWFu");
  EXPECT_EQ(ca_bundle("Ma"), "TWE=");
  EXPECT_EQ(ca_bundle("M"), "TQ==");
  EXPECT_EQ(ca_bundle(""), "");
  const std::string bundle = ca_bundle(issued().ca_certificate);
  EXPECT_EQ(bundle.find('\n'), std::string::npos);
  EXPECT_EQ(bundle.substr(0, 20), "LS0tLS1CRUdJTiBDRVJU");  // "-----BEGIN CERT"
}

}  // namespace
}  // namespace vcuda::certs
