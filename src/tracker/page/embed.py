"""Writes a header with the page's files as constants: embed.py HEADER FILE …

A file becomes `constexpr std::string_view page_NAME`, with every character that is not one of a name as '_'.
"""
import pathlib
import re
import sys

CHUNK = 8000  # characters of one literal; compilers promise 65536


def literals(text):
    chunks = [text[at:at + CHUNK] for at in range(0, len(text), CHUNK)] or [""]
    return "\n    ".join('R"ezio_page(' + chunk + ')ezio_page"' for chunk in chunks)


def main():
    out = ["// Made of the files in src/tracker/page by embed.py.", "#pragma once", "", "#include <string_view>", "",
           "namespace ezio::tracker {", ""]
    for name in sys.argv[2:]:
        path = pathlib.Path(name)
        constant = "page_" + re.sub(r"\W", "_", path.name)
        out.append(f"inline constexpr std::string_view {constant} =\n    {literals(path.read_text('utf-8'))};\n")
    out.append("}  // namespace ezio::tracker\n")
    pathlib.Path(sys.argv[1]).write_text("\n".join(out), "utf-8")


main()
