// The few Asio and Beast types that the server's source files share. For webhook/*.cpp alone: heavy, so no
// other header includes it.
#pragma once
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/rate_policy.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "webhook/failure.hpp"

namespace vcuda::webhook {

namespace asio = boost::asio;
namespace beast = boost::beast;
using ErrorCode = boost::system::error_code;
using Tcp = asio::ip::tcp;

// Everything runs on an io_context's own executor: naming it spares a virtual call an operation.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<Tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using TcpStream = beast::basic_stream<Tcp, Executor, beast::unlimited_rate_policy>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;
template <class T>
using Task = asio::awaitable<T, Executor>;

// co_await f(..., as_result) gives a tuple that begins with an error_code, and never throws.
inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<Executor>{});

// Binds and listens. address: `where` is not ADDRESS:PORT. listen: the operating system refused.
Result<Acceptor> listen_on(asio::io_context& context, std::string_view where, std::string_view what);

}  // namespace vcuda::webhook
