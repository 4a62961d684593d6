// SPDX-License-Identifier: Apache-2.0
// emit.js http|proto none|gzip COUNT: so many spans through the OpenTelemetry SDK, to where OTEL_EXPORTER_OTLP_ENDPOINT says.
// Trees of ten: an agent, three calls of a model, three of a tool with a request each. The attribute `path` of a span names it
// and all above it, so that a reader can tell whether the tree came through. The last line says what was emitted.
'use strict';
const { context, trace, SpanKind } = require('@opentelemetry/api');
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { resourceFromAttributes } = require('@opentelemetry/resources');

const [encoding, compression, count] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${encoding}`);
const exporter = new OTLPTraceExporter({ compression });
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'crew' }),
  spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: count + 10, maxExportBatchSize: 512, scheduledDelayMillis: 50 })],
});
const tracer = provider.getTracer('emitters');
const totals = { spans: 0, input: 0, output: 0, cache_read: 0 };

function emit(name, path, parent, kind, attributes) {
  totals.spans++;
  return tracer.startSpan(name, { kind, attributes: { path, ...attributes } }, parent);
}

function tree(number) {
  const root = `t${number}`;
  const agent = emit('invoke_agent planner', root, context.active(), SpanKind.INTERNAL,
    { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' });
  const within = trace.setSpan(context.active(), agent);
  for (let i = 0; i < 3; i++) {
    const tokens = { input: 1000 + number, output: 10 + i, cache_read: 600 };
    emit('chat claude-opus-5', `${root}/c${i}`, within, SpanKind.CLIENT, {
      'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'anthropic', 'gen_ai.request.model': 'claude-opus-5',
      'gen_ai.response.id': `msg_${number}_${i}`, 'gen_ai.usage.input_tokens': tokens.input,
      'gen_ai.usage.output_tokens': tokens.output, 'gen_ai.usage.cache_read.input_tokens': tokens.cache_read,
    }).end();
    totals.input += tokens.input - tokens.cache_read;
    totals.output += tokens.output;
    totals.cache_read += tokens.cache_read;
    const tool = emit('execute_tool bash', `${root}/x${i}`, within, SpanKind.INTERNAL,
      { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'bash' });
    emit('GET', `${root}/x${i}/g`, trace.setSpan(context.active(), tool), SpanKind.CLIENT,
      { 'server.address': 'files.example.com', 'server.port': 443 }).end();
    tool.end();
  }
  agent.end();
}

(async () => {
  for (let number = 0; totals.spans < count; number++) {
    tree(number);
    if (number % 50 === 49) await new Promise(setImmediate);
  }
  await provider.forceFlush();
  await provider.shutdown();
  console.log(JSON.stringify(totals));
})();
