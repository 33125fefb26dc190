// Endpoints as Asio has them.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "bt/base/endpoint.hpp"

namespace ezio {

Endpoint to_endpoint(const boost::asio::ip::tcp::endpoint& endpoint);
boost::asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint);

}  // namespace ezio
