-- wrk's requests: the peers of one torrent announce in turn, a seed and leechers, without numwant.
--
--   wrk … -s announces.lua URL -- INFO_HASH_HEX PEERS [close]

local requests, turn = {}, 0

local function percent(hex)
  return (hex:gsub("..", "%%%0"))
end

function init(arguments)
  local info_hash, peers, close = percent(arguments[1]), tonumber(arguments[2]), arguments[3] == "close"
  if close then wrk.headers["Connection"] = "close" end
  for peer = 1, peers do
    requests[peer] = wrk.format("GET", string.format(
      "/announce?info_hash=%s&peer_id=-BENCH0-%012d&port=%d&uploaded=0&downloaded=0&left=%d&compact=1&key=%08X",
      info_hash, peer, 20000 + peer, peer == 1 and 0 or 1073741824, peer))
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
