// A made-up deployment, as the tracker's /stats tells it. The same at every call.

export const mib = 1 << 20;
export const began = 1_750_000_000;  // unix time

const pieces = 3200;
const imageBytes = pieces * 16 * mib;

// Numbers that look random and are not: 0 to 1.
function scatter(index, salt) {
  const x = Math.sin(index * 127.1 + salt * 311.7) * 43758.5453;
  return x - Math.floor(x);
}

const counted = ['waiting', 'checking', 'leeching', 'verifying', 'finishing', 'done', 'seeding', 'failed', 'lost'];

// Which 64ths of the image are there, as base64url.
export function mapOf(progress, salt) {
  const parts = Uint8Array.from({length: 64}, (_, part) => {
    if (progress >= 1) return 255;
    const share = (progress - scatter(part, salt)) * 8 + progress;
    return Math.round(Math.min(1, Math.max(0, share)) * 255);
  });
  return Buffer.from(parts).toString('base64url');
}

export function disk(path, model, serial, state, error = '') {
  return {path, model, serial, state, error};
}

// A host of the table; `changes` go over what is made up.
export function host(index, state = 'leeching', changes = {}) {
  const number = String(index).padStart(2, '0');
  const address = `10.0.${index >> 8}.${index & 255}`;
  const fixed = {waiting: 0, checking: 0, failed: .63, verifying: 1, finishing: 1, done: 1, seeding: 1};
  const progress = fixed[state] ?? .35 + scatter(index, 1) * .4;
  const have = Math.floor(progress * pieces);
  const leeching = state === 'leeching';
  return {
    id: `host-${index}`, name: `lab-${number}`, address, addresses: [address],
    state, last_state: state === 'lost' ? 'leeching' : state,
    pieces, have, progress: have / pieces, reused: 0, fetched: have, zeroed: 0,
    verified: {done: pieces, finishing: pieces, verifying: 1400}[state] ?? 0,
    down_bytes_per_s: leeching ? Math.round(9e7 + scatter(index, 2) * 3e7) : 0,
    up_bytes_per_s: leeching || state === 'done' ? Math.round(7e7 + scatter(index, 3) * 4e7) : 0,
    eta_s: leeching ? Math.round(200 + scatter(index, 4) * 60) : state === 'verifying' ? 41 : null,
    uploaded: have * 15 * mib, downloaded: have * 16 * mib, left: (pieces - have) * 16 * mib,
    error: '', version: '0.1.0',
    first_seen: began + index % 30, last_seen: began + 600, finished: state === 'done' ? began + 590 : null,
    map: mapOf(progress, index),
    targets: [disk('/dev/nvme0n1p2', 'Samsung SSD 980 500GB', `S64DNX0R${100000 + index}`, state)],
    reports: true,
    ...changes,
  };
}

export function torrent(name, hosts, changes = {}) {
  const counts = Object.fromEntries(counted.map((state) => [state, hosts.filter((one) => one.state === state).length]));
  return {
    info_hash: Buffer.from(name.padEnd(20, '.')).toString('hex').slice(0, 40), name, size_bytes: imageBytes, pieces,
    seeders: counts.seeding + counts.done, leechers: counts.leeching, completed: counts.done, expected: null, counts,
    down_bytes_per_s: hosts.reduce((sum, one) => sum + one.down_bytes_per_s, 0),
    up_bytes_per_s: hosts.reduce((sum, one) => sum + one.up_bytes_per_s, 0),
    eta_s: counts.leeching > 0 ? 260 : null,
    rate_curve: Array.from({length: 240}, (_, at) => (
      [began + at * 2.5, hosts.length * 1e8 * Math.min(1, at / 12) * (.85 + .15 * scatter(at, 9))])),
    hosts, ...changes,
  };
}

export function stats(torrents, summary) {
  return {
    version: '0.1.0', uptime_s: 4321, now: began + 600.25, report_interval_s: 5,
    connections: 3, announces: 10, refused: 0, scrapes: 0, torrents_served: 1, torrents, summary,
  };
}

export const hostileName = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';
export const ioError = '/dev/nvme0n1p2 offset 0x3f0000: Input/output error';

const server = () => host(0, 'seeding', {
  name: 'server', up_bytes_per_s: 117e6, targets: [disk('/srv/images/sda1', '', '', 'seeding')]});

// A room of 34: a seeder, most leeching, some done, one failed, one lost, one of another client, one with three targets,
// and a host whose name is markup.
export function room() {
  const hosts = [server()];
  for (let index = 1; index <= 32; ++index) hosts.push(host(index, index % 4 === 0 ? 'done' : 'leeching'));
  hosts[7] = host(7, 'failed', {error: ioError});
  hosts[12] = host(12, 'lost', {last_seen: began + 540});
  hosts[17] = host(17, 'verifying');
  hosts[18] = host(18, 'checking');
  hosts[19] = host(19, 'waiting', {targets: []});
  hosts[21] = host(21, 'leeching', {name: '', reports: false, targets: [], map: '', version: '', eta_s: null});
  hosts[22] = host(22, 'leeching', {targets: [
    disk('/dev/sda', 'WDC WD5000', 'WD-A1', 'leeching'),
    disk('/dev/sdb', 'WDC WD5000', 'WD-B1', 'leeching'),
    disk('/dev/sdc', 'WDC WD5000', 'WD-C1', 'failed', 'No space left on device')]});
  hosts[23] = host(23, 'finishing');
  hosts.push(host(33, 'leeching', {
    name: hostileName, error: `${hostileName} \u202egnp.exe`,
    targets: [disk(`/dev/${hostileName}`, hostileName, hostileName, 'leeching', hostileName)]}));
  return stats([torrent('lab-2026', hosts, {expected: 34})], `7 of 34 done, lab-07 failed: ${ioError}`);
}

export function manyHosts(count) {
  const hosts = [server()];
  for (let index = 1; index < count; ++index) hosts.push(host(index, index % 50 === 0 ? 'done' : 'leeching'));
  return stats([torrent('fleet', hosts, {expected: count - 1})], `${Math.floor((count - 1) / 50)} of ${count - 1} done`);
}
