#include "bt/net/tls.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "bt/base/errno_text.hpp"

namespace ezio {

namespace ssl = boost::asio::ssl;

Result<TlsContext> make_tls_context(const std::optional<std::string>& ca_file) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(ssl::verify_peer);
  boost::system::error_code error;
  if (ca_file) {
    context->load_verify_file(*ca_file, error);
    if (error) return path_error(*ca_file, "no certificates can be read from it (PEM): " + error.message());
  } else {
    context->set_default_verify_paths(error);
    if (error) return Error{"the system's trust store cannot be read: " + error.message()};
  }
  return context;
}

Result<void> expect_host(SSL* connection, const std::string& host, HostKind kind) {
  const bool done = kind == HostKind::name
                        ? SSL_set1_host(connection, host.c_str()) == 1 &&
                              SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                       const_cast<char*>(host.c_str())) == 1
                        : X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), host.c_str()) == 1;
  if (!done) return Error{"its host cannot be verified"};
  return {};
}

HandshakeFault explain_handshake(SSL* connection, const boost::system::error_code& error) {
  const long verdict = SSL_get_verify_result(connection);
  switch (verdict) {
    case X509_V_OK:
      return {"no TLS connection: " + error.message(), false};
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {"the server's certificate is for another host: name the host as it does", true};
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
      // A machine without a clock of its own learns the time after it has booted.
      return {fmt::format("the server's certificate is not valid now ({}): check this machine's clock",
                          X509_verify_cert_error_string(verdict)),
              false};
    default:
      return {fmt::format("the server's certificate is not trusted ({}): give its CA with --ca FILE",
                          X509_verify_cert_error_string(verdict)),
              true};
  }
}

}  // namespace ezio
