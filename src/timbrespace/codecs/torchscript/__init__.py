"""Models that others exported as TorchScript (RAVE, nn~), run in a confined process of their own.

Nothing is imported here: the confined process starts with as little as it can.
"""
