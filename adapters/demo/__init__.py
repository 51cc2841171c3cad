"""`creneau demo`: an invented territory, and one day lived in it over real sockets."""
