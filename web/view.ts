// SPDX-License-Identifier: Apache-2.0
// The screen around the 3D view: reads stages one at a time, says what is seen, holds the tools.
import { call, Problem, type Stage, type StageName } from './api.js';
import { at, h, icon } from './dom.js';
import type { Mode, Shown, Viewer } from './viewer.js';
import { count, size } from './words.js';

export class View {
    shown: StageName | null = null;
    /** The next asset is another thing: place the camera anew. */
    fresh = true;
    private viewer: Promise<Viewer | null> | null = null;
    private wanted: Stage | null = null;
    private seen: (Shown & { sha256: string | undefined }) | null = null; // what stands on the bed
    private loading = false;
    private readonly looks = new Map<Mode, HTMLElement>();

    constructor(private readonly changed: () => void, private readonly problem: (problem: Problem) => void) {
        this.makeTools();
        window.addEventListener('load', () => void import('./viewer.js')); // read while somebody looks for a picture
    }

    /** Shows the stage as soon as it is read; what is overtaken meanwhile is skipped. */
    want(stage: Stage): void {
        this.wanted = stage;
        if (this.loading)
            return;
        this.loading = true;
        void this.read().finally(() => { this.loading = false; });
    }

    get waiting(): boolean {
        return this.loading;
    }

    /** Another job, whose stages replace what is seen now. */
    forget(): void {
        this.shown = this.wanted = null;
    }

    clear(): void {
        this.forget();
        this.seen = null;
        at('dims').hidden = true;
        delete at('canvas').dataset['stage'];
        void this.viewer?.then(viewer => viewer?.clear());
    }

    veil(text: string): void {
        at('veil').textContent = text;
        at('veil').hidden = !text;
    }

    /** Gets ready while the first stage is in the making. */
    prepare(): void {
        void this.open();
    }

    private async read(): Promise<void> {
        for (let stage = this.wanted; stage; stage = this.wanted) {
            try {
                if (stage.sha256 && stage.sha256 === this.seen?.sha256 && !this.fresh) { // the same under another name
                    this.tell(stage.name, this.seen.triangles, this.seen.size);
                    continue;
                }
                const [viewer, glb] = await Promise.all([this.open(), call(stage.url).then(answer => answer.arrayBuffer())]);
                if (this.wanted !== stage || !viewer)
                    continue;
                const shown = await viewer.show(glb, this.fresh);
                this.seen = { ...shown, sha256: stage.sha256 };
                this.offerLight(shown.light);
                this.fresh = false;
                this.tell(stage.name, shown.triangles, shown.size);
            } catch (error) {
                if (this.wanted === stage)
                    this.problem(error instanceof Problem ? error
                        : new Problem(`This stage cannot be shown: ${String(error)}`, { hint: 'Download it instead.' }));
            } finally {
                if (this.wanted === stage)
                    this.wanted = null;
            }
        }
    }

    /** A lithophane is first seen as it is meant to be; nothing else is seen so. */
    private offerLight(light: boolean): void {
        const button = this.looks.get('lit')!;
        const pressed = button.getAttribute('aria-pressed') === 'true';
        button.hidden = !light;
        if (light && this.fresh)
            button.click();
        else if (!light && pressed)
            this.looks.get('picture')!.click();
    }

    private tell(name: StageName, triangles: number, mm: number[]): void {
        this.shown = name;
        this.veil('');
        const canvas = at('canvas');
        canvas.dataset['stage'] = name;
        canvas.dataset['triangles'] = String(triangles);
        canvas.setAttribute('aria-label', `3D view: ${name} stage, ${count(triangles)} triangles, ${size(mm)}. `
            + 'Arrow keys turn it, plus and minus zoom, F shows all, P, C, W and L change the look.');
        at('dims').hidden = false;
        at('dims').textContent = size(mm);
        this.changed();
    }

    /** three.js is loaded when there is something to see; null: no WebGL here. */
    private open(): Promise<Viewer | null> {
        this.viewer ??= import('./viewer.js').then(module => new module.Viewer(at('view'), at<HTMLCanvasElement>('canvas')))
            .catch((error: unknown) => {
                this.veil('This browser shows no 3D.');
                this.problem(new Problem(`No 3D view here: ${error instanceof Error ? error.message : String(error)}`,
                    { hint: 'The model is made all the same and can be downloaded. A browser with WebGL shows it.' }));
                return null;
            });
        return this.viewer;
    }

    private makeTools(): void {
        const looks: [Mode, string, string, string][] = [
            ['picture', 'Picture', 'P', 'M4 5h16v14H4zM4 16l4.500-5 4 4 3-3 4.500 5M15.500 9h.01'],
            ['clay', 'Clay', 'C', 'M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM5 15c4 2 10 2 14-2'],
            ['wires', 'Wires', 'W', 'M12 3 20 8v8l-8 5-8-5V8zM4 8l8 5 8-5M12 13v8M12 3v10M4 16l8-3 8 3'],
            ['lit', 'Against light', 'L', 'M9 18h6M10 21h4M8.500 14.500a6 6 0 1 1 7 0V18h-7z'],
        ];
        const buttons = looks.map(([mode, name, key, path]) => {
            const button = h('button', {
                type: 'button', 'aria-pressed': String(mode === 'picture'), title: `${name} (${key})`, 'aria-label': name, 'aria-keyshortcuts': key,
                onclick: () => {
                    for (const other of buttons)
                        other.setAttribute('aria-pressed', String(other === button));
                    void this.open().then(viewer => viewer?.setMode(mode));
                },
            }, icon(path));
            this.looks.set(mode, button);
            return button;
        });
        this.looks.get('lit')!.hidden = true;
        const turn = h('button', {
            type: 'button', 'aria-pressed': 'false', title: 'Turntable (T)', 'aria-label': 'Turntable', 'aria-keyshortcuts': 'T',
            onclick: () => {
                const yes = turn.getAttribute('aria-pressed') !== 'true';
                turn.setAttribute('aria-pressed', String(yes));
                void this.open().then(viewer => viewer?.setTurning(yes));
            },
        }, icon('M20 12a8 8 0 1 1-2.500-5.800M20 3.500V8h-4.500'));
        const fit = h('button', {
            type: 'button', title: 'Show all (F)', 'aria-label': 'Show all', 'aria-keyshortcuts': 'F',
            onclick: () => void this.open().then(viewer => viewer?.fit(true)),
        }, icon('M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5'));
        const tools = [...buttons, turn, fit];
        at('tools').append(...tools);
        at('canvas').addEventListener('keydown', event => {
            if (!event.ctrlKey && !event.metaKey && !event.altKey)
                tools.find(tool => !tool.hidden && tool.getAttribute('aria-keyshortcuts') === event.key.toUpperCase())?.click();
        });
    }
}
