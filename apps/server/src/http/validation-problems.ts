import type { FastifyError } from 'fastify';

/** The parts of a zod issue that Fastify's zod provider hands on (`params` has what is special to its kind). */
interface Issue {
  readonly code?: string;
  readonly path?: readonly PropertyKey[];
  readonly message?: string;
  readonly expected?: string;
  readonly keys?: readonly string[];
  readonly errors?: ReadonlyArray<readonly Issue[]>;
}

export interface ValidationProblem {
  readonly path: string;
  readonly message: string;
}

const mostProblems = 50;

const joined = (prefix: readonly PropertyKey[], path: readonly PropertyKey[] = []): string =>
  [...prefix, ...path].map((part) => String(part).slice(0, 100)).join('.');

const strangerCount = (issues: readonly Issue[]): number =>
  issues.filter((issue) => issue.code === 'unrecognized_keys').length;

/** Of a union, the variant that was most likely meant: no unknown fields, few faults. */
const likeliest = (variants: ReadonlyArray<readonly Issue[]>): readonly Issue[] =>
  [...variants].sort((a, b) => strangerCount(a) - strangerCount(b) || a.length - b.length)[0] ?? [];

const flatten = (issue: Issue, prefix: readonly PropertyKey[]): ValidationProblem[] => {
  const path = [...prefix, ...(issue.path ?? [])];
  if (issue.code === 'unrecognized_keys')
    return (issue.keys ?? []).map((key) => ({ path: joined(path, [key]), message: 'is not known' }));
  // A union that says in its own words what it takes knows better than any of its variants.
  const ownWords = issue.message !== undefined && issue.message !== 'Invalid input';
  if (issue.code === 'invalid_union' && !ownWords && issue.errors !== undefined && issue.errors.length > 0)
    return likeliest(issue.errors).flatMap((inner) => flatten(inner, path));
  if (path.length === 0 && issue.code === 'invalid_type' && issue.expected === 'object')
    return [{ path: '', message: 'Send a JSON object.' }];
  return [{ path: joined(path), message: issue.message ?? 'is not valid' }];
};

/** Fastify's validation error → which field is wrong, and how. */
export const validationProblems = (error: FastifyError): ValidationProblem[] =>
  (error.validation ?? [])
    .flatMap((entry) => {
      const path = entry.instancePath.split('/').filter((part) => part !== '');
      return flatten(
        { ...entry.params, code: entry.keyword, path, message: entry.message ?? '' } as Issue,
        [],
      );
    })
    .slice(0, mostProblems);
