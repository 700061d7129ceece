"""The console: server-rendered pages that answer whether anything is wrong, what it costs and what it is worth."""
