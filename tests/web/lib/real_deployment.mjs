// A deployment of our own programs on loopback: a tracker, a seeder, and hosts that clone to image files.

import {spawn, spawnSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';

const program = (name) => path.join(process.env.EZIO_BIN_DIR, name);

export class RealDeployment {
  // What a Visit wants of a tracker: this one counts nothing.
  streams = 0;
  lastEvent = 0;
  #children = [];

  // Everything is ended and removed when test `t` is over.
  constructor(t, imageBytes) {
    this.directory = mkdtempSync('/var/tmp/ezio-web-');
    this.image = path.join(this.directory, 'image');
    this.torrent = path.join(this.directory, 'lab-2026.torrent');
    t.after(() => this.#end());
    writeFileSync(this.image, randomBytes(imageBytes));
  }

  async start(...flags) {
    const listening = await this.#run('tracker', [
      program('ezio-tracker'), '--listen', '127.0.0.1:0', '--report-interval', '1', ...flags], /http:\S+\/announce/);
    this.announce = listening[0];
    this.url = this.announce.replace(/announce$/, '');
    const made = spawnSync(program('ezio-torrent'), [
      'create', '--image', this.image, '--name', 'lab-2026', '--announce', this.announce, '-o', this.torrent]);
    if (made.status !== 0) throw new Error(String(made.stderr));
    this.seeder = await this.#peer('seeder', ['--seed', this.torrent, this.image, '--upload-limit', '6']);
  }

  // A host that clones to a file of that name; `room` bytes are all that its file system has.
  leech(name, {room, flags = []} = {}) {
    const target = path.join(this.directory, name, 'disk.img');
    const script = `mkdir "${path.dirname(target)}"; ${room ? `mount -t tmpfs -o size=${room} none "${path.dirname(target)}";` : ''}
      exec "$@"`;
    const argv = ['unshare', '--mount', 'sh', '-c', script, 'sh', program('ezio-peer'), '--leech', this.torrent, target,
      '--create', '--linger', '60', ...flags];
    return {target, ...this.#spawn(name, [...argv, '--listen', '127.0.0.1:0', '--quiet'])};
  }

  stop() {}

  async #peer(name, flags) {
    return this.#spawn(name, [program('ezio-peer'), ...flags, '--listen', '127.0.0.1:0', '--quiet']);
  }

  #spawn(name, argv) {
    const child = spawn(argv[0], argv.slice(1), {stdio: ['ignore', 'pipe', 'inherit']});
    this.#children.push(child);
    return {child};
  }

  // Starts a program, and waits for a line of its output.
  async #run(name, argv, line) {
    const {child} = this.#spawn(name, argv);
    let text = '';
    for await (const chunk of child.stdout) {
      text += chunk;
      const found = text.match(line);
      if (found) return found;
    }
    throw new Error(`${name} ended: ${text}`);
  }

  async #end() {
    await Promise.all(this.#children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }));
    rmSync(this.directory, {recursive: true, force: true});
  }
}
