// TLS as a client: whom a server has to be vouched for by, and who it has to be.
//
// Edge. OpenSSL's verification with the system's trust store, or one file of certificates instead; the
// certificate must be for the host of the URL; TLS 1.2 at least.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <optional>
#include <string>

#include "bt/base/result.hpp"

namespace ezio {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

// `ca_file`: PEM; these certificates are trusted, and no others.
Result<TlsContext> make_tls_context(const std::optional<std::string>& ca_file);

// Before the handshake: the server must prove to be this host, a name or an address.
enum class HostKind { name, address };
Result<void> expect_host(SSL* connection, const std::string& host, HostKind kind);

// Why a handshake failed, with the remedy.
struct HandshakeFault {
  std::string text;
  bool lasting = false;  // the certificate is the wrong one, and will be
};
HandshakeFault explain_handshake(SSL* connection, const boost::system::error_code& error);

}  // namespace ezio
