#include "webhook/certificate.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string_view>

namespace vcuda::webhook {
namespace {

namespace ssl = boost::asio::ssl;

// For TLS 1.2; every suite of TLS 1.3 is AEAD and has forward secrecy already.
constexpr char tls12_ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr std::string_view alpn_http11 = "\x08http/1.1";  // RFC 7301: length, name
constexpr unsigned char session_context[] = "vcuda-webhook";

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  return reason ? reason : "no reason given";
}

Failure bad_certificate(std::string text) { return {Errc::certificate, std::move(text)}; }

Result<void> readable(const std::string& what, const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (file && file.peek() != std::ifstream::traits_type::eof()) return {};
  return Failure{Errc::file, "cannot read the " + what + " " + path + ": " +
                                 (errno != 0 ? std::strerror(errno) : "the file is empty")};
}

// OpenSSL's own prompt for a passphrase would hang a daemon.
int no_passphrase(char*, int, int, void*) { return 0; }

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_length,
                    const unsigned char* offered, unsigned offered_length, void*) {
  unsigned char* match = nullptr;
  const int found =
      SSL_select_next_proto(&match, chosen_length, reinterpret_cast<const unsigned char*>(alpn_http11.data()),
                            static_cast<unsigned>(alpn_http11.size()), offered, offered_length);
  if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

bool configure(SSL_CTX* context) {
  SSL_CTX_set_options(context,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  // Tickets carry the session; a cache on our side would only grow. One a handshake is what a client uses.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, tls12_ciphers) == 1 &&
         SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1) == 1;
}

WallClock::time_point time_of(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return WallClock::from_time_t(timegm(&parts));
}

}  // namespace

std::string utc(WallClock::time_point when) {
  const std::time_t seconds = WallClock::to_time_t(when);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Result<std::shared_ptr<ServingCertificate>> load_certificate(const std::string& certificate_file,
                                                             const std::string& key_file,
                                                             WallClock::time_point now) {
  if (const auto found = readable("certificate", certificate_file); !found) return found.error();
  if (const auto found = readable("key", key_file); !found) return found.error();

  auto loaded = std::make_shared<ServingCertificate>(
      ServingCertificate{ssl::context(ssl::context::tls_server), {}, {}});
  SSL_CTX* context = loaded->context.native_handle();
  if (!configure(context)) return bad_certificate("cannot set up TLS: " + openssl_reason());
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1)
    return bad_certificate("the certificate " + certificate_file +
                           " is not a PEM certificate: " + openssl_reason());
  // Loading a key checks it against the certificate too, with a less helpful text; so the two are told apart
  // here.
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
    const std::string reason = openssl_reason();
    if (mismatch)
      return bad_certificate("the key " + key_file + " does not belong to the certificate " +
                             certificate_file);
    return bad_certificate("the key " + key_file + " is not an unencrypted PEM key for " + certificate_file +
                           ": " + reason);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return bad_certificate("the key " + key_file + " does not belong to the certificate " + certificate_file);
  }

  const X509* leaf = SSL_CTX_get0_certificate(context);
  loaded->not_before = time_of(X509_get0_notBefore(leaf));
  loaded->not_after = time_of(X509_get0_notAfter(leaf));
  if (!loaded->valid_at(now))
    return bad_certificate("the certificate " + certificate_file + " is valid from " +
                           utc(loaded->not_before) + " to " + utc(loaded->not_after) + ", and it is " +
                           utc(now) + ": issue a new one with vcuda-certs issue");
  return loaded;
}

}  // namespace vcuda::webhook
