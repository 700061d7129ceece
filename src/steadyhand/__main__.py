"""`python -m steadyhand` is the console program."""

from steadyhand.app import main

main()
