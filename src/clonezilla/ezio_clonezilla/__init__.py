"""What Clonezilla calls, made of ezio-peer, ezio-torrent and ezio-tracker. See docs/CLONEZILLA.md."""
