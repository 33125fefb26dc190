"""Parts of bench/compare: processes, clients, measurements, the table."""
