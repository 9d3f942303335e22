"""What strangers reach first, played with bytes that a fuzzer makes up: targets, a corpus, and what makes them up.

A target takes any bytes and raises where a promise is broken. Bytes are read as a script of few words (Script), so that
a kept input means nothing to any other program.
"""
