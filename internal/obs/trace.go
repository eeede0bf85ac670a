// Package obs connects a process to what observes it: traces go to an
// OpenTelemetry collector. Metrics are served by the admin API and logs are
// slog's; neither needs anything here.
package obs

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// flushTime is how long the last spans get at the end.
const flushTime = 5 * time.Second

// sampled is the share of requests that are traced unless their caller decided.
const sampled = 0.01

// StartTracing sends the process's spans to the collector at addr (host:port,
// OTLP over gRPC without TLS: a collector on the machine) until the returned
// function is called. With no address nothing is traced.
func StartTracing(ctx context.Context, addr, node, version string) (stop func() error, err error) {
	if addr == "" {
		return func() error { return nil }, nil
	}
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(addr), otlptracegrpc.WithInsecure())
	if err != nil {
		return nil, fmt.Errorf("traces to %s: %w", addr, err)
	}
	provider := trace.NewTracerProvider(
		trace.WithBatcher(exporter),
		trace.WithSampler(trace.ParentBased(trace.TraceIDRatioBased(sampled))),
		trace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "cairn"), attribute.String("service.version", version), attribute.String("cairn.node", node),
		)),
	)
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		return provider.Shutdown(ctx)
	}, nil
}
