package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// How long Redis is waited for.
const (
	redisStart    = 5 * time.Second        // at the start of the program
	redisPatience = 500 * time.Millisecond // by a request
	redisWarning  = 10 * time.Second       // at least between two warnings
)

// RedisLimits counts in Redis, for all processes together. While Redis is away
// everything passes.
type RedisLimits struct {
	client *redis.Client
	script *redis.Script
	log    *slog.Logger
	warned atomic.Int64 // unix nanoseconds of the newest warning
}

// ConnectRedis makes sure that Redis is there. Its error says where it was
// looked for, without credentials.
func ConnectRedis(ctx context.Context, address string, log *slog.Logger) (*RedisLimits, error) {
	shown := withoutCredentials(address)
	options, err := redis.ParseURL(strings.TrimSpace(address))
	if err != nil || (shown == hiddenAddress && options.Network == "tcp") { // not told why: the reason quotes the address
		return nil, fmt.Errorf("RATE_LIMIT_REDIS_URL must be like redis://user:password@host:6379/0: %s", shown)
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = redisStart, redisPatience, redisPatience
	options.PoolTimeout, options.ContextTimeoutEnabled = redisPatience, true
	options.MaxRetries, options.DialerRetries = -1, 1 // a request rather passes than waits
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	logging.Disable() // it writes to stderr what it also returns
	r := &RedisLimits{client: redis.NewClient(options), script: redis.NewScript(slidingLog), log: log}
	ctx, cancel := context.WithTimeout(ctx, redisStart)
	defer cancel()
	if err := r.client.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("the Redis of RATE_LIMIT_REDIS_URL cannot be reached at %s: %w", shown, err), r.client.Close())
	}
	return r, nil
}

// Close gives the connections back.
func (r *RedisLimits) Close() error { return r.client.Close() }

// Limiter counts by a policy.
func (r *RedisLimits) Limiter(p Policy) (*RedisLimiter, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return &RedisLimiter{limits: r, policy: p}, nil
}

// RedisLimiter is one policy of RedisLimits.
type RedisLimiter struct {
	limits *RedisLimits
	policy Policy
}

// Limits is the policy of the limiter.
func (l *RedisLimiter) Limits() Policy { return l.policy }

// Allow notes an attempt and says whether it passes.
func (l *RedisLimiter) Allow(ctx context.Context, key string) Decision {
	attempt, err := uuid.NewRandom()
	if err != nil {
		return l.unavailable(ctx, err)
	}
	return l.ask(ctx, key, attempt.String())
}

// Check says whether an attempt would pass, without noting one.
func (l *RedisLimiter) Check(ctx context.Context, key string) Decision {
	return l.ask(ctx, key, "")
}

// slidingLog keeps the newest attempts of KEYS[1], at most as many as the
// limit, scored by Redis' clock in microseconds: all processes agree on it.
// ARGV: window in microseconds, limit, seconds to keep the key, name of the
// attempt or nothing. It answers how many were in the window, and after how
// many microseconds the oldest leaves it.
const slidingLog = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local window, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
local before = redis.call('ZCARD', KEYS[1])
if ARGV[4] ~= '' then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[4])
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -limit - 1)
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local leaves = 0
if oldest[2] then leaves = tonumber(oldest[2]) + window - now end
return {before, leaves}
`

// ask runs the script. It goes on when the client leaves, else nobody who
// hangs up at once would ever be counted.
func (l *RedisLimiter) ask(ctx context.Context, key, attempt string) Decision {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), redisPatience)
	defer cancel()
	keep := seconds(l.policy.Window) + 1
	answer, err := l.limits.script.Run(ctx, l.limits.client, []string{"ratelimit:" + l.policy.Name + ":" + key},
		l.policy.Window.Microseconds(), l.policy.Limit, keep, attempt).Int64Slice()
	if err == nil && len(answer) != 2 {
		err = errors.New("auth: the script gave another answer")
	}
	if err != nil {
		return l.unavailable(ctx, err)
	}
	noted := 0
	if attempt != "" {
		noted = 1
	}
	return l.policy.decide(int(answer[0]), noted, time.Duration(answer[1])*time.Microsecond)
}

// unavailable lets everything pass, and says so now and then.
func (l *RedisLimiter) unavailable(ctx context.Context, err error) Decision {
	now, last := time.Now().UnixNano(), l.limits.warned.Load()
	if now-last >= int64(redisWarning) && l.limits.warned.CompareAndSwap(last, now) {
		l.limits.log.WarnContext(ctx, "rate_limit.redis.unavailable", "policy", l.policy.Name, "error", err)
	}
	return l.policy.open()
}

const hiddenAddress = "***"

// withoutCredentials is an address as far as it can be shown. One that has an
// @ in an odd place, or is not understood, may have its password anywhere.
func withoutCredentials(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || strings.Contains(u.Host+u.Path+u.RawQuery+u.Fragment, "@") {
		return hiddenAddress
	}
	if u.User == nil {
		return u.Scheme + "://" + u.Host + u.Path
	}
	return u.Scheme + "://***@" + u.Host + u.Path
}
