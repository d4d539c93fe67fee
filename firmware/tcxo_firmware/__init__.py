"""The board's firmware as data: which files go on a board, and the stand-ins to run them on Linux."""
