#include "tracker/service.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <unordered_set>
#include <utility>

#include "bt/base/printable.hpp"
#include "bt/wire/query.hpp"
#include "tracker/metrics_text.hpp"
#include "tracker/page_text.hpp"

namespace ezio::tracker {

namespace {

constexpr std::string_view torrents_path = "/torrents/";
constexpr std::uint32_t fresh_texts_a_tick = 8;
constexpr std::string_view not_kept = "Cache-Control: no-store\r\n";

Reply text_reply(unsigned status, std::string text) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(text);
  return reply;
}

Reply not_found() {
  return text_reply(
      404, "not here; there are /announce, /scrape, /torrents/, /stats, /metrics, /events, /healthz and /\n");
}

Reply unauthorized() {
  Reply reply = text_reply(401, "this needs the tracker's token: as password, as bearer, or as ?token=\n");
  reply.headers = "WWW-Authenticate: Basic realm=\"ezio-tracker\", charset=\"UTF-8\"\r\n";
  return reply;
}

Reply data_reply(std::string_view content_type) {
  Reply reply;
  reply.content_type = content_type;
  reply.headers = not_kept;
  return reply;
}

Reply bencoded(std::string body) {
  Reply reply;
  reply.content_type = "text/plain";
  reply.body = std::move(body);
  return reply;
}

}  // namespace

Service::Service(ServiceOptions options, std::uint64_t seed, std::optional<TorrentShelf> shelf, TimePoint now,
                 AnnounceDesk::Listeners listeners)
    : options_(std::move(options)),
      desk_(options_.limits, seed, std::move(listeners)),
      access_(options_.token),
      feed_(desk_.seed()),
      shelf_(std::move(shelf)),
      started_(now) {}

void Service::set_torrents(std::shared_ptr<const TorrentList> torrents) {
  std::unordered_set<InfoHash> allowed;
  torrents_.clear();
  for (const auto& [name, torrent] : *torrents) {
    allowed.insert(torrent.info_hash);
    torrents_.emplace(torrent.info_hash, torrent.facts);
  }
  shelf_->put(std::move(torrents));
  desk_.allow_only(allowed);
}

StatsSources Service::sources() const {
  return {desk_.registry(),
          desk_.book(),
          torrents_,
          options_.expectation,
          desk_.counters,
          options_.limits.registry.interval,
          options_.limits.report_interval,
          started_};
}

std::string Service::torrent_name(const InfoHash& info_hash) const {
  const auto facts = torrents_.find(info_hash);
  return facts == torrents_.end() ? "" : facts->second.name;
}

void Service::tick(const Moment& now) {
  desk_.tick(now.time);
  made_.clear();
  feed_.tick(sources(), desk_.book().take_removals(), now);
  desk_.counters.pages = feed_.readers();
}

Reply Service::answer(const Request& request, const Moment& now) {
  const std::size_t path_end = std::min(request.target.find('?'), request.target.size());
  const std::string_view path = request.target.substr(0, path_end);
  const std::string_view query = request.target.substr(std::min(path_end + 1, request.target.size()));
  if (path == "/announce") return bencoded(desk_.announce(query, request.source, request.local, now.time));
  if (path == "/scrape") return scrape(query);
  if (path == "/healthz") return text_reply(200, "ok\n");
  if (!path.starts_with(torrents_path)) return show(path, query, request, now);
  if (!shelf_) return not_found();
  if (path == torrents_path) return list_torrents();
  return serve_torrent(path.substr(torrents_path.size()));
}

// What needs the token.
Reply Service::show(std::string_view path, std::string_view query, const Request& request,
                    const Moment& now) {
  const auto access = access_.check(query, request.authorization, request.cookie);
  if (access == Access::Verdict::refused) return unauthorized();
  if (const auto file = find_page_file(path)) {
    return page(path, *file, access == Access::Verdict::granted_by_query);
  }
  return show_data(path, now);
}

// However many ask, the tracker has time left for those who announce.
template <class Make>
void Service::put_text(Reply& reply, std::string_view path, const Make& make) {
  Made& made = made_.try_emplace(std::string(path)).first->second;
  if (made.fresh < fresh_texts_a_tick) {
    ++made.fresh;
    reply.body = make();
    return;
  }
  if (!made.last) made.last = std::make_shared<const std::string>(make());
  reply.shared = made.last;
}

Reply Service::scrape(std::string_view query) {
  Reply reply = bencoded({});
  if (query.empty()) {
    put_text(reply, "/scrape", [&] { return desk_.scrape(query); });
  } else {
    reply.body = desk_.scrape(query);
  }
  return reply;
}

Reply Service::show_data(std::string_view path, const Moment& now) {
  if (path == "/stats") {
    Reply reply = data_reply("application/json");
    put_text(reply, path, [&] { return boost::json::serialize(stats_json(sources(), now)) + "\n"; });
    return reply;
  }
  if (path == "/metrics") {
    Reply reply = data_reply(metrics_content_type);
    put_text(reply, path, [&] { return metrics_text(sources(), now); });
    return reply;
  }
  if (path == "/events") return events(now);
  return not_found();
}

Reply Service::events(const Moment& now) {
  if (feed_.readers() >= options_.pages) {
    Reply busy = text_reply(503, "too many pages are open\n");
    busy.headers = "Retry-After: 5\r\n";
    return busy;
  }
  Reply reply;
  reply.content_type = "text/event-stream";
  reply.headers = not_kept;
  reply.body = "retry: 2000\n\n";  // milliseconds after which a browser connects again
  reply.shared = feed_.welcome(sources(), now);
  reply.stream = true;
  return reply;
}

bool Service::follow(std::weak_ptr<EventReader> reader) {
  if (feed_.readers() >= options_.pages) return false;
  feed_.add(std::move(reader));
  desk_.counters.pages = feed_.readers();
  return true;
}

// A token in the address would stay in the browser's history: it becomes a cookie, and the address is left.
Reply Service::page(std::string_view path, const PageFile& file, bool by_query) {
  Reply reply;
  reply.content_type = file.content_type;
  reply.headers = "Content-Security-Policy: " + std::string(page_policy) +
                  "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
  reply.headers += not_kept;
  if (by_query) {
    reply.status = 303;
    reply.headers += "Location: ." + std::string(path) + "\r\n" + access_.set_cookie_header();
  } else if (path == "/") {
    put_text(reply, path, [&] { return page_with_rows(file.text, sources()); });
  } else {
    reply.body = file.text;
  }
  return reply;
}

Reply Service::list_torrents() const {
  Reply reply;
  for (const auto& [name, torrent] : shelf_->torrents()) reply.body += printable(name) + "\n";
  return reply;
}

Reply Service::serve_torrent(std::string_view encoded_name) {
  const auto name = percent_decode(encoded_name);
  if (!name) return text_reply(400, "the name is not percent-encoded text\n");
  Reply reply = shelf_->serve(*name);
  if (reply.status == 200) ++desk_.counters.torrents_served;
  return reply;
}

}  // namespace ezio::tracker
