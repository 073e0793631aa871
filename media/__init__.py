"""RTP and audio. Has never heard of signalling: addresses and bytes in, packets out."""
