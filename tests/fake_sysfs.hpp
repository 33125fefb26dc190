// A made-up /sys: disks and RAIDs that the test machine does not have.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "disk_fixture.hpp"

namespace ezio::test {

class FakeSysfs {
 public:
  std::string root() const { return directory_.path("sys"); }
  std::string outside(const std::string& name) const { return directory_.path(name); }

  static void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  void say(const std::string& node, const std::string& name, const std::string& text) const {
    write(root() + "/devices/" + node + "/" + name, text);
  }
  // A disk "sda", or a partition "sda/sda1" of it, with this device number.
  void add_device(const std::string& node, const std::string& number) const {
    namespace fs = std::filesystem;
    const std::string path = root() + "/devices/" + node;
    fs::create_directories(path + "/holders");
    write(path + "/dev", number + "\n");
    write(path + "/size", "1000\n");
    fs::create_directories(root() + "/dev/block");
    fs::create_directories(root() + "/block");
    fs::create_directory_symlink(path, root() + "/dev/block/" + number);
    if (node.find('/') != std::string::npos) {
      write(path + "/partition", "1\n");
    } else {
      fs::create_directory_symlink(path, root() + "/block/" + node);
    }
  }

 private:
  TempDir directory_;
};

}  // namespace ezio::test
