// Reports the tests of one file in plain TAP: a line each, the innermost ones, in the order of their ends.

const counts = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;  // node's own, at the end

export default async function* tap(events) {
  let number = 0;
  for await (const {type, data} of events) {
    if (type === 'test:diagnostic' && !counts.test(data.message)) yield `# ${data.message}\n`;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    const failed = type === 'test:fail';
    yield `${failed ? 'not ok' : 'ok'} ${++number} - ${data.name.replaceAll('#', '')}\n`;
    const error = data.details?.error;
    if (failed && error) yield `${(error.cause?.stack ?? error.stack ?? String(error)).replace(/^/gm, '#   ')}\n`;
  }
  yield `1..${number}\n`;
}
