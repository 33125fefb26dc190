#include "tools/torrent/examples.hpp"

#include "tools/common/command_line.hpp"

namespace ezio {

void add_torrent_examples(CLI::App& app) {
  add_examples(app, R"(
  ezio-torrent capture /dev/sda --name lab --announce http://192.0.2.1:6969/announce -o lab.torrent
      a torrent of a whole disk
  ezio-torrent check lab.torrent /dev/sda
      is this disk what the torrent says?)");
  add_examples(*app.get_subcommand("capture"), R"(
  ezio-torrent capture --plan /dev/sda --name lab -o lab.torrent
      say what of each partition would be read
  ezio-torrent capture /dev/sda --name lab --announce URL -o lab.torrent --dump /srv/images/lab
      and copy what is in use to files, so that the disk may go)");
  add_examples(*app.get_subcommand("create"), R"(
  ezio-torrent create --info /srv/images/sda1/torrent.info --name sda1 --announce URL -o sda1.torrent
      of what partclone -T or -t wrote, without reading the data again
  ezio-torrent create --image disk.img --name disk --announce URL -o disk.torrent
      of every byte of an image or device)");
  add_examples(*app.get_subcommand("show"), R"(
  ezio-torrent show --json lab.torrent
      for a program to read)");
  add_examples(*app.get_subcommand("check"), R"(
  ezio-torrent check lab.torrent /srv/images/lab
      hash a dump; exit code 1 and a line for each piece that differs)");
}

}  // namespace ezio
