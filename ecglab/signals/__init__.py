"""One record seen in other ways: filters, R-peaks and RR, Lorenz plot, STFT."""
