package objectapi

import (
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"cairn/objectapi/s3err"
)

// observer writes the audit log and the metrics:
//
//	cairn_s3_requests_total{operation,status}   requests answered
//	cairn_s3_errors_total{operation,code}       S3 errors answered
//	cairn_s3_request_seconds{operation}         time from headers to the end of the answer
//	cairn_s3_received_bytes_total               bytes of bodies read
//	cairn_s3_sent_bytes_total                   bytes of bodies sent
//	cairn_s3_requests_in_flight                 requests that run
type observer struct {
	log        *slog.Logger
	registerer prometheus.Registerer

	requests *prometheus.CounterVec
	errors   *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	received prometheus.Counter
	sent     prometheus.Counter
	inFlight prometheus.Gauge
}

func newObserver(log *slog.Logger, reg prometheus.Registerer) (*observer, error) {
	o := &observer{
		log: log, registerer: reg,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cairn_s3_requests_total", Help: "S3 requests answered.",
		}, []string{"operation", "status"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cairn_s3_errors_total", Help: "S3 errors answered.",
		}, []string{"operation", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cairn_s3_request_seconds", Help: "Time from a request's headers to the end of its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 14), // 0.5 ms to 75 s
		}, []string{"operation"}),
		received: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cairn_s3_received_bytes_total", Help: "Bytes of request bodies read.",
		}),
		sent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cairn_s3_sent_bytes_total", Help: "Bytes of answers' bodies sent.",
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cairn_s3_requests_in_flight", Help: "S3 requests that run.",
		}),
	}
	return o, o.register()
}

func (o *observer) collectors() []prometheus.Collector {
	return []prometheus.Collector{o.requests, o.errors, o.seconds, o.received, o.sent, o.inFlight}
}

func (o *observer) register() error {
	if o.registerer == nil {
		return nil
	}
	for _, c := range o.collectors() {
		if err := o.registerer.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func (o *observer) close() {
	if o.registerer == nil {
		return
	}
	for _, c := range o.collectors() {
		o.registerer.Unregister(c)
	}
}

func (o *observer) begin() { o.inFlight.Inc() }

// end accounts for a request that was answered.
func (o *observer) end(q *request, err error) {
	took := time.Since(q.began)
	o.inFlight.Dec()
	o.received.Add(float64(q.received))
	o.sent.Add(float64(q.w.sent))
	o.requests.WithLabelValues(q.opName(), strconv.Itoa(q.w.status)).Inc()
	o.seconds.WithLabelValues(q.opName()).Observe(took.Seconds())
	code := ""
	var e *s3err.Error
	if errors.As(err, &e) {
		code = string(e.Code)
		o.errors.WithLabelValues(q.opName(), code).Inc()
	}
	o.audit(q, err, e, took)
}

// audit writes the request's line. Failures of the gateway are errors, those of
// its clients are not.
func (o *observer) audit(q *request, err error, e *s3err.Error, took time.Duration) {
	level := slog.LevelInfo
	if q.w.status >= 500 || errors.Is(err, errCut) {
		level = slog.LevelError
	}
	if !o.log.Enabled(q.ctx(), level) {
		return
	}
	user, key := "-", ""
	if q.who != nil {
		user, key = q.who.DisplayName, q.who.AccessKey
	}
	attrs := []slog.Attr{
		slog.String("request", q.id), slog.String("remote", q.r.RemoteAddr),
		slog.String("user", user), slog.String("access_key", key),
		slog.String("op", q.opName()), slog.String("bucket", q.bucket), slog.String("key", q.key),
		slog.Int("status", q.w.status),
		slog.Int64("in", q.received), slog.Int64("out", q.w.sent),
		slog.Float64("ms", float64(took.Microseconds())/1000),
	}
	if e != nil {
		attrs = append(attrs, slog.String("code", string(e.Code)))
		if e.Cause != nil {
			attrs = append(attrs, slog.String("cause", e.Cause.Error()))
		}
	} else if err != nil {
		attrs = append(attrs, slog.String("cause", err.Error()))
	}
	o.log.LogAttrs(q.ctx(), level, "s3", attrs...)
}

// opName returns the operation's name, also for a request that names none.
func (q *request) opName() string {
	if q.op == nil {
		return "Unknown"
	}
	return q.op.name
}

// trace ends the request's span.
func (q *request) trace(span trace.Span, err error) {
	if span.IsRecording() {
		span.SetAttributes(
			attribute.String("s3.bucket", q.bucket), attribute.String("s3.key", q.key),
			attribute.String("s3.request_id", q.id), attribute.Int("http.response.status_code", q.w.status),
		)
		if err != nil && q.w.status >= 500 {
			span.SetStatus(codes.Error, err.Error())
		}
	}
	span.End()
}
