"""One conversation: from the sound of a voice to the spoken answer, and what interrupts it."""
