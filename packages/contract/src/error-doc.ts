import { errorCodes } from './error-codes.ts';

/** The text of `docs/errors.md`; `npx vitest run -u --project unit error-doc` writes it anew. */
export const errorDoc = (): string => {
  const rows = Object.entries(errorCodes)
    .sort(([a, first], [b, second]) => first.status - second.status || a.localeCompare(b))
    .map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`);
  return `# Errors

Made from \`packages/contract/src/error-codes.ts\`; do not edit by hand.

Every error of the API is \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`detail\` (what happened, to
which thing, and what can be done), \`code\` (stable, from this list) and \`requestId\` (as in the server's log). Beside it:
\`errors: [{path, message}]\` with \`invalid-request\`, \`blockers: [{code, message}]\` with \`plan-blocked\`, \`stderr\` with
\`qemu-refused\`, \`usedBy: [{kind, id, name}]\` with \`image-in-use\`, \`fitsInReserve\` with \`disk-full\`.

A WebSocket that is refused after its upgrade is closed with 4000 + the status, and the code as its reason; 4408 means
that the client did not read.

| code | status | title |
|---|---|---|
${rows.join('\n')}
`;
};
