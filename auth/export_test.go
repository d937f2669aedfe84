package auth

// Size is how many keys and attempts are kept.
func (m *MemoryLimiter) Size() (keys, times int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.keys), m.times
}
