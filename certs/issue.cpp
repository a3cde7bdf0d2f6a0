#include "certs/issue.hpp"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include "certs/openssl.hpp"

namespace vcuda::certs {
namespace {

using openssl::Certificate;
using openssl::Key;

constexpr std::size_t max_common_name = 64;  // RFC 5280, appendix A: ub-common-name
constexpr long x509_v3 = 2;                  // the version field counts from 0

Result<Key> make_key() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl::failure("make a P-256 key");
  return key;
}

bool set_random_serial(X509* certificate) {
  openssl::BigNumber serial(BN_new());
  // The top bit is set so that every serial has the same length, and the number is never 0.
  return serial && BN_rand(serial.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_validity(X509* certificate, Clock::time_point now, Days lifetime) {
  std::time_t start = Clock::to_time_t(now - backdating);
  std::time_t end = Clock::to_time_t(now + lifetime);
  return X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, &start) != nullptr &&
         X509_time_adj_ex(X509_getm_notAfter(certificate), 0, 0, &end) != nullptr;
}

bool set_subject(X509* certificate, const std::string& common_name) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto add = [name](const char* field, const std::string& value) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(value.data()),
                                      static_cast<int>(value.size()), -1, 0) == 1;
  };
  return add("O", "vcuda") && add("CN", common_name.substr(0, max_common_name));
}

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  openssl::Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool add_names(X509* certificate, const SubjectNames& names) {
  // Built as a structure, not through OpenSSL's "DNS:a,IP:b" text, in which a name could smuggle in another.
  openssl::Names list(GENERAL_NAMES_new());
  if (!list) return false;
  const auto add = [&list](int type, ASN1_STRING* value) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    if (!name || !value) {
      GENERAL_NAME_free(name);
      ASN1_STRING_free(value);
      return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    return sk_GENERAL_NAME_push(list.get(), name) > 0;
  };
  for (const std::string& dns : names.dns) {
    ASN1_IA5STRING* value = ASN1_IA5STRING_new();
    if (!value || ASN1_STRING_set(value, dns.data(), static_cast<int>(dns.size())) != 1) return false;
    if (!add(GEN_DNS, value)) return false;
  }
  for (const std::string& address : names.addresses)
    if (!add(GEN_IPADD, a2i_IPADDRESS(address.c_str()))) return false;
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

// The common part of both certificates; `issuer` may be the certificate itself.
Result<Certificate> make_certificate(EVP_PKEY* key, const std::string& common_name, X509* issuer,
                                     Days lifetime, Clock::time_point now) {
  Certificate made(X509_new());
  if (!made || X509_set_version(made.get(), x509_v3) != 1 || !set_random_serial(made.get()) ||
      !set_validity(made.get(), now, lifetime) || X509_set_pubkey(made.get(), key) != 1 ||
      !set_subject(made.get(), common_name) ||
      X509_set_issuer_name(made.get(), X509_get_subject_name(issuer ? issuer : made.get())) != 1)
    return openssl::failure("make a certificate");
  return made;
}

// Two CAs of a rotation overlap in one bundle: a common name of their own keeps them apart for readers of a
// log.
std::string authority_name() {
  unsigned char tag[4] = {};
  if (RAND_bytes(tag, sizeof tag) != 1) return "vcuda CA";
  char text[32];
  std::snprintf(text, sizeof text, "vcuda CA %02x%02x%02x%02x", tag[0], tag[1], tag[2], tag[3]);
  return text;
}

Result<Certificate> make_authority(EVP_PKEY* key, Days lifetime, Clock::time_point now) {
  auto made = make_certificate(key, authority_name(), nullptr, lifetime, now);
  if (!made) return made.error();
  X509* ca = made->get();
  if (!add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(ca, ca, NID_subject_key_identifier, "hash") ||
      !add_extension(ca, ca, NID_authority_key_identifier, "keyid:always") ||
      X509_sign(ca, key, EVP_sha256()) == 0)
    return openssl::failure("sign the CA certificate");
  return made;
}

Result<Certificate> make_leaf(EVP_PKEY* key, const IssueRequest& request, X509* ca, EVP_PKEY* ca_key,
                              Clock::time_point now) {
  const SubjectNames& names = request.names;
  const std::string& common_name = names.dns.empty() ? names.addresses.front() : names.dns.front();
  auto made = make_certificate(key, common_name, ca, request.leaf_lifetime, now);
  if (!made) return made.error();
  X509* leaf = made->get();
  if (!add_extension(leaf, ca, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(leaf, ca, NID_key_usage, "critical,digitalSignature") ||
      !add_extension(leaf, ca, NID_ext_key_usage, "serverAuth") ||
      !add_extension(leaf, ca, NID_subject_key_identifier, "hash") ||
      !add_extension(leaf, ca, NID_authority_key_identifier, "keyid:always") || !add_names(leaf, names) ||
      X509_sign(leaf, ca_key, EVP_sha256()) == 0)
    return openssl::failure("sign the serving certificate");
  return made;
}

Result<std::string> certificate_pem(X509* certificate) {
  openssl::Memory out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_X509(out.get(), certificate) != 1)
    return openssl::failure("write a certificate as PEM");
  return openssl::text(out.get());
}

Result<std::string> key_pem(EVP_PKEY* key) {
  openssl::Memory out(BIO_new(BIO_s_secmem()));
  if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl::failure("write a key as PEM");
  return openssl::text(out.get());
}

Result<void> check(const IssueRequest& request) {
  const auto bad = [](std::string text) { return Failure{Errc::bad_validity, std::move(text)}; };
  const auto days = [](Days d) { return std::to_string(d.count()) + " days"; };
  if (request.names.dns.empty() && request.names.addresses.empty())
    return Failure{Errc::bad_name, "a serving certificate needs at least one name"};
  for (const Days lifetime : {request.ca_lifetime, request.leaf_lifetime})
    if (lifetime < Days{1} || lifetime > max_lifetime)
      return bad("a lifetime of " + days(lifetime) + " is not between 1 day and " + days(max_lifetime));
  if (request.leaf_lifetime > request.ca_lifetime)
    return bad("the serving certificate (" + days(request.leaf_lifetime) + ") would outlive its CA (" +
               days(request.ca_lifetime) + ")");
  return {};
}

}  // namespace

Result<Issued> issue(const IssueRequest& request, Clock::time_point now) {
  if (const auto checked = check(request); !checked) return checked.error();

  auto ca_key = make_key();
  if (!ca_key) return ca_key.error();
  auto ca = make_authority(ca_key->get(), request.ca_lifetime, now);
  if (!ca) return ca.error();
  auto key = make_key();
  if (!key) return key.error();
  auto leaf = make_leaf(key->get(), request, ca->get(), ca_key->get(), now);
  if (!leaf) return leaf.error();

  const Result<std::string> texts[] = {certificate_pem(ca->get()), key_pem(ca_key->get()),
                                       certificate_pem(leaf->get()), key_pem(key->get())};
  for (const auto& text : texts)
    if (!text) return text.error();
  return Issued{*texts[0], *texts[1], *texts[2], *texts[3], now + request.leaf_lifetime};
}

std::string ca_bundle(const std::string& pem) {
  std::string out((pem.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(pem.data()), static_cast<int>(pem.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

}  // namespace vcuda::certs
