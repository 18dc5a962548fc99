// SPDX-License-Identifier: Apache-2.0
// What the page knows of the HTTP API: shapes, calls, problems, and the stream of a job's events.

export interface Parameter {
    name: string;
    type: 'bool' | 'int' | 'number' | 'length' | 'angle' | 'choice' | 'text' | 'list';
    unit?: string;
    minimum?: number;
    maximum?: number;
    choices?: string[];
    default: string;
    help: string;
}

export interface Generator {
    name: string;
    title: string;
    help: string;
    min_pictures: number;
    max_pictures: number;
    parameters: Parameter[];
}

/** What a result can be had as. */
export interface FileKind {
    format: string;
    title: string;
    use: string | null;
    extension: string;
}

export interface Generators {
    generators: Generator[];
    common: Parameter[];
    files: FileKind[];
}

export interface Operation {
    name: string;
    title: string;
    takes: 'nothing' | 'pictures' | 'assets';
    makes: 'asset' | 'files' | 'facts';
    least: number;
    stages: boolean;
    parameters: Parameter[];
}

export const stageNames = ['preview', 'medium', 'final', 'finished'] as const;
export type StageName = typeof stageNames[number];

export interface Stage {
    name: StageName;
    url: string;
    sha256?: string;
    type?: string | null;
    bytes?: number;
    triangles?: number;
    took_s?: number;
}

export interface Measures {
    triangles?: number;
    size_mm?: number[];
    volume_mm3?: number;
    area_mm2?: number;
    shells?: number;
    closed?: boolean;
    solid?: boolean;
}

export interface Job {
    id: string;
    status: 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled' | 'expired';
    step?: string | null;
    progress: number;
    queue_position?: number;
    eta_s?: { p50: number; p90: number } | null;
    created_at: string;
    operation?: string | null;
    generator?: string | null;
    name?: string;
    reason?: string | null;
    runner_up?: { generator: string; reason?: string | null } | null;
    confidence?: number | null;
    cached?: boolean;
    parameters?: Record<string, unknown>;
    warnings?: string[];
    stages?: Stage[];
    measures?: Measures | null;
    facts?: Record<string, unknown> | null;
    error?: { code: string; message: string; retryable?: boolean } | null;
}

export const isOver = (job: Job): boolean => job.status !== 'queued' && job.status !== 'running';

const isModel = (stage: Stage): boolean => !stage.type || stage.type === 'model/gltf-binary';
/** Other operations than generate may have made a picture, say. */
export const newestModel = (job: Job): Stage | undefined => job.stages?.filter(isModel).at(-1);

interface ProblemFacts {
    hint?: string | null;
    retryable?: boolean;
    retryAfter?: number; // s
    faults?: { pointer: string; detail: string }[];
}

/** What went wrong and what to do, as the server tells it (RFC 9457), or the network and the browser in the same way. The
 * engine says both in one line, "where: what; what to do next": without a hint of its own the second half is the hint. */
export class Problem extends Error {
    readonly hint: string | null;
    readonly retryable: boolean;
    readonly retryAfter: number;
    readonly faults: { pointer: string; detail: string }[];

    constructor(what: string, { hint, retryable, retryAfter, faults }: ProblemFacts = {}) {
        const [first = what, ...rest] = hint ? [what] : what.split('; ');
        super(first);
        const advice = hint || rest.join('; ');
        this.hint = advice ? advice.charAt(0).toUpperCase() + advice.slice(1) : null;
        this.retryable = retryable ?? false;
        this.retryAfter = retryAfter ?? 0;
        this.faults = faults ?? [];
    }
}

function text(value: unknown): string {
    return typeof value === 'string' ? value : '';
}

async function problemOf(answer: Response): Promise<Problem> {
    let body: Record<string, unknown> = {};
    try {
        body = await answer.json() as Record<string, unknown>;
    } catch { /* a proxy's page, say: the status alone speaks */ }
    return new Problem(text(body['detail']) || text(body['title']) || `The server answered ${answer.status}.`, {
        hint: text(body['hint']),
        retryable: body['retryable'] === true,
        retryAfter: Number(body['retry_after_s'] ?? answer.headers.get('Retry-After') ?? 0) || 0,
        faults: Array.isArray(body['errors']) ? body['errors'] as { pointer: string; detail: string }[] : [],
    });
}

/** fetch that throws Problems only (and AbortError when it was told to stop). */
export async function call(url: string, options: RequestInit = {}): Promise<Response> {
    let answer: Response;
    try {
        answer = await fetch(url, options);
    } catch (error) {
        if (error instanceof DOMException && error.name === 'AbortError')
            throw error;
        throw new Problem('The server cannot be reached.', { hint: 'Is it still running?', retryable: true });
    }
    if (!answer.ok)
        throw await problemOf(answer);
    return answer;
}

const api = '/api/v1';
export const jobPath = (id: string, rest = ''): string => `${api}/jobs/${encodeURIComponent(id)}${rest}`;

export async function getGenerators(): Promise<Generators> {
    return await (await call(`${api}/generators`)).json() as Generators;
}

export async function getOperations(): Promise<Operation[]> {
    const body = await (await call(`${api}/operations`)).json() as { operations?: Operation[] };
    return body.operations ?? [];
}

/** `later`: as a job in any case; else it is one when it takes long (202). */
export async function operate(name: string, order: object, later: boolean): Promise<Response> {
    const headers = { 'Content-Type': 'application/json', ...later && { Prefer: 'respond-async' } };
    return await call(`${api}/operations/${encodeURIComponent(name)}`, { method: 'POST', headers, body: JSON.stringify(order) });
}

export async function getJob(id: string): Promise<Job> {
    return await (await call(jobPath(id))).json() as Job;
}

export async function recentJobs(limit: number): Promise<Job[]> {
    const body = await (await call(`${api}/jobs?limit=${limit}`)).json() as { jobs?: Job[] };
    return body.jobs ?? [];
}

/** Asks for a job. The key makes asking again after a broken connection safe: one wish, one job. */
export async function createJob(form: FormData, key: string): Promise<Job> {
    const options = { method: 'POST', body: form, headers: { 'Idempotency-Key': key, 'Prefer': 'respond-async' } };
    return await (await call(`${api}/generate-3d`, options)).json() as Job;
}

export async function cancelJob(id: string): Promise<void> {
    await call(jobPath(id, '/cancel'), { method: 'POST' });
}

export async function deleteJob(id: string): Promise<void> {
    await call(jobPath(id), { method: 'DELETE' });
}

export async function replayJob(id: string): Promise<Job> {
    return await (await call(jobPath(id, '/replay'), { method: 'POST' })).json() as Job;
}

/** A new key for createJob; works on plain HTTP, too. */
export function newKey(): string {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('');
}

// --- Events ---------------------------------------------------------------------------------------------

export interface JobEvent {
    type: 'snapshot' | 'progress' | 'stage' | 'done' | 'error';
    data: Record<string, unknown>;
}

const told = ['snapshot', 'progress', 'stage', 'done', 'error'] as const;

/** Follows a job until it is over or stop() is called. The browser resumes by Last-Event-ID after a break; when the server
 * refused the stream itself, we ask again from the last event seen. */
export class Follower {
    private source: EventSource | null = null;
    private last = '';
    private again = 0;
    private failures = 0;

    constructor(
        private readonly id: string,
        private readonly heard: (event: JobEvent) => void,
        private readonly connected: (yes: boolean) => void,
    ) {
        this.open();
    }

    stop(): void {
        this.source?.close();
        this.source = null;
        clearTimeout(this.again);
    }

    private open(): void {
        const query = this.last ? `?last_event_id=${encodeURIComponent(this.last)}` : '';
        const source = this.source = new EventSource(jobPath(this.id, `/events${query}`));
        source.onopen = () => {
            this.failures = 0;
            this.connected(true);
        };
        for (const type of told)
            source.addEventListener(type, event => {
                if (event instanceof MessageEvent)
                    this.take(type, event as MessageEvent<string>);
                else
                    this.broke(source); // the browser's own "error"
            });
        source.addEventListener('reconnect', () => this.reopen(source, 500)); // the server is about to stop
    }

    private take(type: JobEvent['type'], event: MessageEvent<string>): void {
        if (!this.source)
            return;
        if (event.lastEventId)
            this.last = event.lastEventId;
        if (type === 'done' || type === 'error')
            this.stop();
        this.heard({ type, data: JSON.parse(event.data) as Record<string, unknown> });
    }

    private broke(source: EventSource): void {
        if (this.source !== source)
            return;
        this.connected(false);
        if (source.readyState === EventSource.CLOSED)
            this.reopen(source, Math.min(10000, 1000 * 2 ** this.failures++));
    }

    private reopen(source: EventSource, wait: number): void {
        source.close();
        clearTimeout(this.again);
        if (this.source === source)
            this.again = window.setTimeout(() => this.open(), wait);
    }
}
