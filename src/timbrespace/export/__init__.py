"""Models out of the house: files for other programs, each loaded back and compared before it is left there."""
