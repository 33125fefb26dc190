#include "tools/torrent/examples.hpp"

#include "tools/common/command_line.hpp"

namespace ezio {

void add_torrent_examples(CLI::App& app) {
  add_examples(app, R"(
  ezio-torrent capture /dev/sda --name lab --announce http://192.0.2.1:6969/announce -o lab.torrent
      a torrent of a whole disk
  ezio-torrent pack disk.img -o disk.ezio
      an image, compressed, to seed from
  ezio-torrent check lab.torrent /dev/sda
      is this disk what the torrent says?)");
  add_examples(*app.get_subcommand("capture"), R"(
  ezio-torrent capture --plan /dev/sda --name lab -o lab.torrent
      say what of each partition would be read
  ezio-torrent capture /dev/sda --name lab --announce URL -o lab.torrent --dump /srv/images/lab
      and copy what is in use to files, so that the disk may go
  ezio-torrent capture /dev/sda --name lab --announce URL -o lab.torrent --pack /srv/images/lab.ezio
      and copy it to one file, compressed)");
  add_examples(*app.get_subcommand("create"), R"(
  ezio-torrent create --info /srv/images/sda1/torrent.info --name sda1 --announce URL -o sda1.torrent
      of what partclone -T or -t wrote, without reading the data again
  ezio-torrent create --image disk.img --name disk --announce URL -o disk.torrent
      of every byte of an image or device)");
  add_examples(*app.get_subcommand("pack"), R"(
  ezio-torrent pack /srv/images/sda1 -o sda1.ezio
      of what partclone -T wrote; ezio-peer --seed sda1.torrent sda1.ezio then does without it
  ezio-torrent pack disk.img --level 9 -o disk.ezio
      smaller, and slower to make
  cat sda1.ext4-ptcl-img.zst.* | zstd -d | ezio-torrent pack - -o sda1.ezio
      of what Clonezilla saved)");
  add_examples(*app.get_subcommand("unpack"), R"(
  ezio-torrent unpack lab.ezio -o disk.img
      an image of the disk
  ezio-torrent unpack lab.ezio --dump /srv/images/lab
      files named by their offset, as capture --dump makes them)");
  add_examples(*app.get_subcommand("show"), R"(
  ezio-torrent show --json lab.torrent
      for a program to read)");
  add_examples(*app.get_subcommand("check"), R"(
  ezio-torrent check lab.torrent /srv/images/lab
      hash a dump; exit code 1 and a line for each piece that differs
  ezio-torrent check lab.ezio
      read a packed image to its last bit; exit code 1 and a line for each frame that is altered)");
}

}  // namespace ezio
