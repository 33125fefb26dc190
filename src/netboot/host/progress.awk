# Reads ezio-peer's --json, an object a line, and writes what the screen shows of it to FILE:
#   state percent down up peers eta    (rates in MB/s, eta in seconds or -1)
# Prints a line for the logs when something has come for the first time, and every EVERY objects.

# The sum over all torrents of the number behind a key. Quotes inside a text are escaped, and do not match.
function sum(key,    rest, total) {
  rest = $0
  total = 0
  while (match(rest, "\"" key "\":[-+0-9.Ee]+")) {
    total += substr(rest, RSTART + length(key) + 3, RLENGTH - length(key) - 3) + 0
    rest = substr(rest, RSTART + RLENGTH)
  }
  return total
}

function most(key,    rest, value, largest) {
  rest = $0
  largest = -1
  while (match(rest, "\"" key "\":[-+0-9.Ee]+")) {
    value = substr(rest, RSTART + length(key) + 3, RLENGTH - length(key) - 3) + 0
    if (value > largest) largest = value
    rest = substr(rest, RSTART + RLENGTH)
  }
  return largest
}

# Of several torrents the one that is least far.
function state(    rank, word) {
  for (rank = 1; rank <= 5; ++rank) {
    word = order[rank]
    if (index($0, "\"state\":\"" word "\"")) return word
  }
  return "finished"
}

BEGIN {
  split("leeching flushing verifying complete seeding", order, " ")
  first = 1
}

{
  now = state()
  pieces = sum("pieces")
  if (now == "verifying" && pieces > 0) percent = 100 * sum("pieces_read_back") / pieces
  else if (sum("bytes") > 0) percent = 100 * sum("bytes_verified") / sum("bytes")
  else percent = 0
  percent = int(percent * 10) / 10
  line = sprintf("%s %.1f %.1f %.1f %d %d", now, percent, sum("down_bytes_per_second") / 1000000,
                 sum("up_bytes_per_second") / 1000000, most("peers"), most("eta_seconds"))
  # In place: a process for each object would be taken from the clone. Who reads in between sees nothing, and keeps what it had.
  print line > FILE
  close(FILE)
  if (first && sum("downloaded") > 0) {
    first = 0
    print "first block"
    fflush()
  }
  if (NR % EVERY == 0) {
    printf "%s %.1f %%, %.1f MB/s down, %.1f MB/s up, %d peers\n", now, percent, sum("down_bytes_per_second") / 1000000,
           sum("up_bytes_per_second") / 1000000, most("peers")
    fflush()
  }
}
