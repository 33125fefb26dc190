"""Parts of bench/compare and bench/lan: processes, clients, measurements, tables, the lab of a room."""
