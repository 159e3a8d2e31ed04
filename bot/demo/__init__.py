"""The offline demo on simcord, with the overlays that the tests use too."""
