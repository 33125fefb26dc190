"""Writes a header with the page's files as a table: embed.py HEADER FILE …"""
import pathlib
import sys

CHUNK = 8000  # characters of one literal; compilers promise 65536


def literals(text):
    chunks = [text[at:at + CHUNK] for at in range(0, len(text), CHUNK)] or [""]
    return "\n     ".join('R"ezio_page(' + chunk + ')ezio_page"' for chunk in chunks)


def main():
    header, *files = map(pathlib.Path, sys.argv[1:])
    entries = [f'    {{"{file.name}",\n     {literals(file.read_text("utf-8"))}}},' for file in files]
    header.write_text("\n".join([
        "// Made of the files in src/tracker/page by embed.py.", "#pragma once", "", "#include <array>",
        "#include <string_view>", "#include <utility>", "", "namespace ezio::tracker {", "",
        "// Name and text.",
        f"inline constexpr std::array<std::pair<std::string_view, std::string_view>, {len(files)}> page_files = {{{{",
        *entries, "}};", "", "}  // namespace ezio::tracker", ""]), "utf-8")


main()
