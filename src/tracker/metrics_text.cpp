#include "tracker/metrics_text.hpp"

#include <fmt/format.h>

#include <iterator>

#include "bt/base/hex.hpp"
#include "bt/base/version.hpp"

namespace ezio::tracker {

namespace {

// As the format wants label values: text from strangers must not end one.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

class Metrics {
 public:
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(out(), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  // `labels` as they stand between the braces.
  template <class Value>
  void add(std::string_view labels, Value value) {
    if (labels.empty()) {
      fmt::format_to(out(), "{} {}\n", name_, value);
    } else {
      fmt::format_to(out(), "{}{{{}}} {}\n", name_, labels, value);
    }
  }
  template <class Value>
  void single(std::string_view name, std::string_view type, std::string_view help, Value value) {
    begin(name, type, help);
    add("", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  std::string text_;
  std::string_view name_;
};

struct TorrentRow {
  std::string labels;
  SwarmCounts peers;
  Tally tally;
};

struct HostRow {
  std::string labels;
  const Host* host;
};

std::string torrent_labels(const StatsSources& sources, const InfoHash& info_hash) {
  const auto facts = sources.torrents.find(info_hash);
  const std::string name = facts == sources.torrents.end() ? "" : facts->second.name;
  return fmt::format("info_hash=\"{}\",torrent=\"{}\"", to_hex(info_hash), escaped(name));
}

std::vector<TorrentRow> torrent_rows(const StatsSources& sources) {
  std::vector<TorrentRow> rows;
  for (const InfoHash& info_hash : listed_torrents(sources)) {
    const auto table = sources.book.tables().find(info_hash);
    rows.push_back({torrent_labels(sources, info_hash),
                    sources.registry.scrape(info_hash).value_or(SwarmCounts{}),
                    table == sources.book.tables().end() ? Tally{} : tally(table->second)});
  }
  return rows;
}

std::vector<HostRow> host_rows(const StatsSources& sources) {
  std::vector<HostRow> rows;
  for (const auto& [info_hash, table] : sources.book.tables()) {
    const std::string torrent = torrent_labels(sources, info_hash);
    for (const Host& host : table.hosts()) {
      rows.push_back({fmt::format("{},id=\"{}\",host=\"{}\",address=\"{}\"", torrent, id_text(host.id),
                                  escaped(host.name()), address_text(host.address())),
                      &host});
    }
  }
  return rows;
}

void add_tracker(Metrics& out, const StatsSources& sources, const Moment& now) {
  const Counters& counters = sources.counters;
  out.begin("ezio_tracker_info", "gauge", "The tracker's version.");
  out.add(fmt::format("version=\"{}\"", escaped(version)), 1);
  out.single("ezio_tracker_uptime_seconds", "gauge", "Seconds since the tracker started.",
             std::chrono::duration<double>(now.time - sources.started).count());
  out.single("ezio_tracker_connections", "gauge", "Open HTTP connections.", counters.connections);
  out.single("ezio_tracker_pages", "gauge", "Readers of /events.", counters.pages);
  out.single("ezio_tracker_peers", "gauge", "Peers in all swarms.", sources.registry.peer_count());
  out.single("ezio_tracker_announces_total", "counter", "Announces, refused ones too.", counters.announces);
  out.single("ezio_tracker_announces_refused_total", "counter", "Announces answered by a failure.",
             counters.refused);
  out.single("ezio_tracker_reports_refused_total", "counter", "Host reports that were none.",
             counters.reports_refused);
  out.single("ezio_tracker_scrapes_total", "counter", "Scrapes.", counters.scrapes);
  out.single("ezio_tracker_torrents_served_total", "counter", "Torrent files handed out.",
             counters.torrents_served);
}

void add_torrents(Metrics& out, const std::vector<TorrentRow>& rows) {
  out.begin("ezio_torrent_seeders", "gauge", "Peers that have everything.");
  for (const TorrentRow& row : rows) out.add(row.labels, row.peers.seeders);
  out.begin("ezio_torrent_leechers", "gauge", "Peers that do not.");
  for (const TorrentRow& row : rows) out.add(row.labels, row.peers.leechers);
  out.begin("ezio_torrent_completed_total", "counter", "Peers that said that they completed.");
  for (const TorrentRow& row : rows) out.add(row.labels, row.peers.completed);
  out.begin("ezio_torrent_hosts", "gauge", "Hosts in each state.");
  for (const TorrentRow& row : rows) {
    for (std::size_t i = 0; i < host_state_count; ++i) {
      const std::string_view state = to_string(static_cast<HostState>(i));
      out.add(fmt::format("{},state=\"{}\"", row.labels, state), row.tally.states[i]);
    }
    out.add(row.labels + ",state=\"lost\"", row.tally.lost);
  }
  out.begin("ezio_torrent_receive_bytes_per_second", "gauge", "What all hosts receive together.");
  for (const TorrentRow& row : rows) out.add(row.labels, row.tally.down);
}

template <class Value>
void add_of_hosts(Metrics& out, const std::vector<HostRow>& rows, std::string_view name,
                  std::string_view type, std::string_view help, Value value) {
  out.begin(name, type, help);
  for (const HostRow& row : rows) out.add(row.labels, value(*row.host));
}

void add_hosts(Metrics& out, const std::vector<HostRow>& rows, const Moment& now) {
  out.begin("ezio_host_state", "gauge", "1 for the state that the host is in.");
  for (const HostRow& row : rows)
    out.add(fmt::format("{},state=\"{}\"", row.labels, shown_state(*row.host)), 1);
  add_of_hosts(out, rows, "ezio_host_pieces", "gauge", "Pieces of the torrent.",
               [](const Host& host) { return host.report.pieces; });
  add_of_hosts(out, rows, "ezio_host_pieces_had", "gauge", "Pieces that the host has verified.",
               [](const Host& host) { return host.report.have; });
  add_of_hosts(out, rows, "ezio_host_pieces_read_back", "gauge", "Pieces that the host has read back.",
               [](const Host& host) { return host.report.verified; });
  add_of_hosts(out, rows, "ezio_host_progress_ratio", "gauge", "How much the host has.",
               [](const Host& host) { return host.progress(); });
  add_of_hosts(out, rows, "ezio_host_receive_bytes_per_second", "gauge", "What the host receives.",
               [](const Host& host) { return host.report.down; });
  add_of_hosts(out, rows, "ezio_host_send_bytes_per_second", "gauge", "What the host sends.",
               [](const Host& host) { return host.report.up; });
  add_of_hosts(out, rows, "ezio_host_received_bytes_total", "counter", "What the host has received.",
               [](const Host& host) { return host.downloaded; });
  add_of_hosts(out, rows, "ezio_host_sent_bytes_total", "counter", "What the host has sent.",
               [](const Host& host) { return host.uploaded; });
  add_of_hosts(out, rows, "ezio_host_last_seen_timestamp_seconds", "gauge", "When the host announced last.",
               [&](const Host& host) { return fmt::format("{:.3f}", now.unix_at(host.last_seen)); });
}

}  // namespace

std::string metrics_text(const StatsSources& sources, const Moment& now) {
  Metrics out;
  add_tracker(out, sources, now);
  add_torrents(out, torrent_rows(sources));
  add_hosts(out, host_rows(sources), now);
  return out.take();
}

}  // namespace ezio::tracker
