// SPDX-License-Identifier: Apache-2.0
// The page: pictures and settings become a job, the job's events become stages on the screen. The job's name is in the
// address, so a reload, a bookmark or the back button finds it again.
import {
    call, cancelJob, createJob, Follower, getGenerators, getJob, getOperations, isOver, newestModel, newKey, Problem, replayJob,
    stageNames,
    type FileKind, type Job, type JobEvent, type Stage,
} from './api.js';
import { at, h, icon, say } from './dom.js';
import { Form } from './form.js';
import { Pictures } from './pictures.js';
import { keepStamp, showRecent } from './recent.js';
import { renderLeft, renderResult, renderTrack, type ResultHooks } from './result.js';
import { Tools } from './tools.js';
import { View } from './view.js';
import { title } from './words.js';

const samples: { name: string; about: string; files: string[] }[] = [
    { name: 'Cup', about: 'a photograph', files: ['cup.jpg'] },
    { name: 'Barrel', about: 'cut out', files: ['barrel.png'] },
    { name: 'Gears', about: 'a drawing', files: ['gears.svg'] },
    { name: 'House', about: 'from four sides', files: ['house-front.png', 'house-right.png', 'house-back.png', 'house-left.png'] },
];

class Page {
    private form: Form | null = null;
    private files: readonly FileKind[] = [];
    private tools: Tools | null = null;
    private readonly pictures: Pictures;
    private job: Job | null = null;
    private step = '';
    private told = 0; // when the server last told the time left
    private follower: Follower | null = null;
    private sending = false;
    private readonly view = new View(() => this.track(), problem => this.problem(problem));
    private readonly hooks: ResultHooks = {
        titleOf: name => this.tools?.titleOf(name) ?? this.form?.titleOf(name) ?? title(name),
        files: () => this.files,
        staged: job => this.tools?.staged(job.operation) ?? true,
        tools: job => this.tools?.panel(job) ?? null,
        show: name => {
            const stage = this.job?.stages?.find(other => other.name === name);
            if (stage)
                this.view.want(stage);
        },
        instead: name => void this.instead(name),
        problem: problem => this.problem(problem),
    };

    constructor() {
        this.pictures = new Pictures(at('strip'), beside => this.arrived(beside), () => this.ready());
        at('drop-art').append(icon('M12 2.5 20.5 7v10L12 21.5 3.5 17V7zM3.5 7 12 11.5 20.5 7M12 11.5v10'));
        at('samples').append(...samples.map(sample => this.sampleButton(sample)));
        at('form').addEventListener('submit', event => {
            event.preventDefault();
            void this.start();
        });
        at('cancel').addEventListener('click', () => void this.cancel());
        at('new').addEventListener('click', () => { location.hash = ''; });
        window.addEventListener('hashchange', () => void this.open());
        window.setInterval(() => this.tick(), 1000);
    }

    async begin(): Promise<void> {
        try {
            const [known, operations] = await Promise.all([getGenerators(), getOperations()]);
            this.files = known.files;
            this.tools = new Tools(operations, { take: job => this.takeNext(job), problem: problem => this.problem(problem) });
            this.form = new Form(at('fields'), known, () => this.ready());
        } catch (error) {
            this.problem(error as Problem, () => void this.begin());
        }
        await this.open();
    }

    // --- From pictures to a job ------------------------------------------------------------------------------

    /** Another picture may start at once; one more side waits until it is told which side it is. */
    private arrived(beside: boolean): void {
        if (!beside)
            this.leaveOld();
        this.ready();
        this.view.fresh = true;
        if (!beside && at<HTMLInputElement>('eager').checked)
            void this.start();
        else {
            if (!beside)
                this.unname();
            at('start').focus();
        }
    }

    /** May the job start? Says why not on the button. */
    private ready(): void {
        const start = at<HTMLButtonElement>('start');
        const { min_pictures: least, max_pictures: most } = this.form?.generator ?? { min_pictures: 1, max_pictures: 1 };
        const n = this.pictures.count;
        start.disabled = this.sending || n < least || n > Math.max(most, 1) && most > 0;
        start.textContent = n < least ? 'Add a picture first' : most > 0 && n > most ? `Takes at most ${most} picture${most > 1 ? 's' : ''}`
            : this.job ? 'Make it again' : 'Make it 3D';
    }

    private async start(): Promise<void> {
        const { form } = this;
        if (!form || this.sending || at<HTMLButtonElement>('start').disabled || !form.check())
            return;
        const data = new FormData();
        form.fill(data);
        if (form.generator.max_pictures > 0)
            this.pictures.fill(data, form.generator.max_pictures > 1);
        this.sending = true;
        this.ready();
        this.problem(null);
        this.leaveOld();
        this.stageView(true);
        this.view.veil('Sending the picture…');
        this.view.prepare();
        await this.send(data, newKey());
        this.sending = false;
        this.ready();
    }

    private async send(data: FormData, key: string): Promise<void> {
        try {
            const job = await createJob(data, key);
            const picture = this.pictures.first;
            this.take(job);
            if (picture)
                void keepStamp(job.id, picture.url).then(() => this.listRecent());
        } catch (error) {
            this.view.veil('');
            this.stageView(false);
            this.unname();
            const problem = error as Problem;
            this.form?.blame(problem.faults);
            this.problem(problem, problem.retryable ? () => void this.send(data, key) : undefined);
        }
    }

    /** A new job of ours: its name goes into the address, its events to the screen. */
    private take(job: Job): void {
        history.pushState(null, '', `#job=${encodeURIComponent(job.id)}`);
        this.follow(job);
        this.listRecent();
    }

    /** A job made of what is in sight, which stays until there is something new to see. */
    private takeNext(job: Job): void {
        this.leaveJob();
        this.view.fresh = true;
        this.take(job);
    }

    // --- A job by its address --------------------------------------------------------------------------------

    private async open(): Promise<void> {
        const id = new URLSearchParams(location.hash.slice(1)).get('job') ?? new URLSearchParams(location.search).get('job');
        this.problem(null);
        if (!id) {
            this.leaveJob();
            this.pictures.clear();
            this.stageView(false);
            this.ready();
            this.listRecent();
            return;
        }
        if (id === this.job?.id)
            return;
        this.leaveJob();
        this.view.fresh = true;
        this.stageView(true);
        this.view.veil('Looking for the model…');
        try {
            this.follow(await getJob(id));
        } catch (error) {
            this.view.veil('');
            this.stageView(false);
            const problem = error as Problem;
            this.problem(problem, problem.retryable ? () => void this.open() : undefined);
        }
        this.listRecent();
    }

    /** Nothing of an old job stays beside a new picture. */
    private leaveOld(): void {
        this.leaveJob();
        this.stageView(false);
    }

    /** The address names no job: so the old one can be opened again. */
    private unname(): void {
        if (location.hash)
            history.pushState(null, '', location.pathname + location.search);
        this.listRecent();
    }

    /** The pictures once more, by another generator; without them (after a reload) the job is chosen anew first. */
    private async instead(name: string): Promise<void> {
        this.form?.choose(name);
        if (this.pictures.count)
            await this.start();
        else
            this.problem(new Problem('The picture is not here any more.', { hint: 'Add it again; the method is chosen.' }));
    }

    private leaveJob(): void {
        this.follower?.stop();
        this.follower = null;
        this.job = null;
        this.view.forget();
        this.step = '';
        at('result').hidden = true;
        document.title = 'ORFEAS';
    }

    private follow(job: Job): void {
        this.update(job);
        this.stageView(true);
        this.showNewest();
        if (isOver(job))
            this.over();
        else
            this.follower = new Follower(job.id, event => this.heard(event), yes => this.connected(yes));
        this.ready();
    }

    private heard({ type, data }: JobEvent): void {
        const { job } = this;
        if (!job)
            return;
        const step = type === 'progress' ? data['stage'] : data['step']; // "make: final: mesh"
        if (typeof step === 'string')
            this.step = step;
        if (type === 'stage') {
            const stage = { ...data, name: data['name'] ?? data['stage'], took_s: data['took_s'] ?? data['seconds'] } as unknown as Stage;
            const others = (job.stages ?? []).filter(other => other.name !== stage.name); // a stream may tell it again
            const stages = [...others, stage].sort((a, b) => stageNames.indexOf(a.name) - stageNames.indexOf(b.name));
            this.update({ ...job, status: 'running', progress: Math.max(job.progress, Number(data['progress'] ?? 0)), stages });
            if (others.length === job.stages?.length)
                say(`${title(stage.name)} stage is here.`);
            this.showNewest();
            void this.refresh();
        } else if (type === 'progress') {
            this.update({ ...job, status: 'running', progress: Math.max(job.progress, Number(data['progress'] ?? 0)) });
        } else if (typeof data['status'] === 'string') {
            this.update({ ...job, ...data } as Job);
            this.showNewest();
        }
        if (type === 'done' || type === 'error')
            this.over();
    }

    /** Queue position, time left, who and why are in the job itself. */
    private async refresh(): Promise<void> {
        const asked = this.job;
        if (!asked || isOver(asked))
            return;
        try {
            const job = await getJob(asked.id);
            if (this.job?.id === asked.id && !isOver(this.job))
                this.update({ ...job, progress: Math.max(job.progress, this.job.progress) });
        } catch { /* the stream will tell */ }
    }

    private update(job: Job): void {
        const { job: before } = this;
        if (!before?.eta_s || job.eta_s?.p50 !== before.eta_s.p50 || job.eta_s.p90 !== before.eta_s.p90)
            this.told = performance.now();
        this.job = job;
        this.track();
        renderLeft(job, this.told);
        renderResult(job, this.hooks);
        if (!this.view.shown)
            this.view.veil(isOver(job) ? '' : job.status === 'queued' ? 'Waiting for a free place…' : 'The first shape comes in a moment…');
        if (!isOver(job))
            document.title = `${Math.round(job.progress * 100)} % · ORFEAS`;
    }

    private over(): void {
        const { job } = this;
        if (!job)
            return;
        this.follower?.stop();
        this.follower = null;
        this.update(job);
        document.title = job.status === 'succeeded' ? `${this.hooks.titleOf(job.generator ?? job.operation ?? 'Ready')} · ORFEAS` : 'ORFEAS';
        if (job.status === 'failed' && job.error)
            this.problem(new Problem(job.error.message),
                job.error.retryable ? () => void this.again(job) : undefined);
        if (!this.view.shown && !this.view.waiting)
            this.view.veil(job.status === 'canceled' ? 'Cancelled before there was something to see.'
                : job.status === 'expired' ? 'This model is no longer kept.' : 'Nothing to show.');
        say(job.status === 'succeeded' ? 'The model is ready.' : job.status === 'canceled' ? 'Cancelled.' : 'The job failed.');
        this.listRecent();
    }

    private async again(job: Job): Promise<void> {
        this.problem(null);
        try {
            this.take(await replayJob(job.id));
        } catch (error) {
            this.problem(error as Problem);
        }
    }

    private async cancel(): Promise<void> {
        const button = at<HTMLButtonElement>('cancel');
        if (!this.job)
            return;
        button.disabled = true;
        try {
            await cancelJob(this.job.id);
        } catch (error) {
            this.problem(error as Problem);
        }
        button.disabled = false;
    }

    private connected(yes: boolean): void {
        at('step').classList.toggle('lost', !yes);
        if (yes)
            this.track();
        else
            at('step').textContent = 'connection lost; trying again';
    }

    private beat = 0;

    private tick(): void {
        if (!this.job || isOver(this.job))
            return;
        renderLeft(this.job, this.told);
        if (++this.beat % 3 === 0)
            void this.refresh();
    }

    private track(): void {
        if (this.job)
            renderTrack(this.job, this.step, this.view.shown, this.hooks);
    }

    private showNewest(): void {
        const newest = this.job && newestModel(this.job);
        if (newest && newest.name !== this.view.shown)
            this.view.want(newest);
    }

    private listRecent(): void {
        showRecent(this.job?.id ?? null, {
            titleOf: this.hooks.titleOf, problem: this.hooks.problem,
            deleted: id => {
                if (id === this.job?.id)
                    location.hash = '';
                else
                    this.listRecent();
            },
        }).catch(() => { at('recent').hidden = true; });
    }

    // --- What is in sight ------------------------------------------------------------------------------------

    private stageView(model: boolean): void {
        at('welcome').hidden = model;
        at('model').hidden = !model;
        at('new').hidden = !model;
        document.body.dataset['view'] = model ? 'model' : 'welcome';
        if (!model) {
            this.view.clear();
            at('result').hidden = true;
        }
    }

    private problem(problem: Problem | null, retry?: () => void): void {
        const box = at('problem');
        box.hidden = !problem;
        if (!problem)
            return;
        box.replaceChildren(
            h('div', {}, h('strong', {}, problem.message), problem.hint && h('p', { class: 'hint' }, problem.hint)),
            ...retry ? [this.retryButton(problem.retryAfter, retry)] : [],
            h('button', { type: 'button', class: 'remove', 'aria-label': 'Close', onclick: () => { box.hidden = true; } }, icon('M7 7l10 10M17 7 7 17')));
    }

    /** Opens when the server said it would have room again. */
    private retryButton(seconds: number, retry: () => void): HTMLElement {
        const button = h('button', {
            type: 'button', onclick: () => {
                at('problem').hidden = true;
                retry();
            },
        });
        const count = (left: number): void => {
            button.disabled = left > 0;
            button.textContent = left > 0 ? `Try again in ${left} s` : 'Try again';
            if (left > 0)
                window.setTimeout(() => count(left - 1), 1000);
        };
        count(Math.ceil(seconds));
        return button;
    }

    private sampleButton({ name, about, files }: typeof samples[number]): HTMLElement {
        const take = async (): Promise<void> => {
            try {
                const blobs = await Promise.all(files.map(file => call(`sample-${file}`).then(answer => answer.blob())));
                this.pictures.take(blobs.map((blob, i) => new File([blob], files[i] ?? name, { type: blob.type })), false);
            } catch (error) {
                this.problem(error as Problem);
            }
        };
        return h('li', {}, h('button', { type: 'button', onclick: () => void take() },
            h('img', { src: `sample-${files[0]}`, alt: '', width: 112, height: 112 }), h('span', {}, name, h('small', {}, about))));
    }
}

void new Page().begin();
