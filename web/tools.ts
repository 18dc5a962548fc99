// SPDX-License-Identifier: Apache-2.0
// What can be done to a model, from the server's table: an operation that the engine learns tomorrow is here tomorrow.
import { newestModel, operate, type Job, type Operation, type Problem } from './api.js';
import { h, say } from './dom.js';
import { makeField, type Field } from './form.js';
import { factList, keep } from './result.js';
import { title } from './words.js';

export interface ToolHooks {
    /** A job was made of it. */
    take: (job: Job) => void;
    problem: (problem: Problem | null) => void;
}

export class Tools {
    private readonly usable: Operation[];
    private chosen = '';

    constructor(private readonly all: Operation[], private readonly hooks: ToolHooks) {
        this.usable = all.filter(operation => operation.takes === 'assets' && operation.least <= 1);
    }

    titleOf(name: string): string | null {
        return this.all.some(operation => operation.name === name) ? title(name) : null;
    }

    /** Whether it makes a model in stages. */
    staged(name: string | null | undefined): boolean {
        return this.all.find(operation => operation.name === name)?.stages ?? true;
    }

    /** null: nothing can be done to what this job made. */
    panel(job: Job): HTMLElement | null {
        const first = this.usable[0];
        if (!first || !newestModel(job))
            return null;
        const inside = h('div', { class: 'inside' });
        const choice = h('select', { id: 'tool', onchange: () => this.fill(choice.value, job, inside) },
            ...this.usable.map(operation => h('option', { value: operation.name }, title(operation.name))));
        choice.value = this.usable.some(operation => operation.name === this.chosen) ? this.chosen : first.name;
        this.fill(choice.value, job, inside);
        return h('details', { class: 'more work' }, h('summary', {}, 'Work on the model'),
            h('div', { class: 'field' }, h('label', { for: 'tool' }, 'Tool'), choice), inside);
    }

    private fill(name: string, job: Job, inside: HTMLElement): void {
        const operation = this.usable.find(other => other.name === name);
        if (!operation)
            return;
        this.chosen = name;
        const fields = operation.parameters.map(parameter => makeField(parameter, () => undefined, 'tool'));
        const told = h('div', { class: 'told', 'aria-live': 'polite' });
        const button = h('button', { type: 'button', class: 'quiet', onclick: () => void this.run(operation, job, fields, button, told) }, title(name));
        inside.replaceChildren(h('p', { class: 'help' }, title(operation.title), '.'), ...fields.map(field => field.element), button, told);
    }

    /** What makes a model becomes a job, to be looked at; of the rest the answer is shown or kept at once. */
    private async run(operation: Operation, job: Job, fields: Field[], button: HTMLButtonElement, told: HTMLElement): Promise<void> {
        for (const field of fields)
            field.fault(field.check());
        if (fields.some(field => field.check()))
            return;
        const changed = fields.filter(field => field.read() !== field.parameter.default);
        const parameters = Object.fromEntries(changed.map(field => [field.parameter.name, field.read()]));
        const inputs = [{ job: job.id, stage: newestModel(job)?.name }];
        button.disabled = true;
        this.hooks.problem(null);
        try {
            const answer = await operate(operation.name, { inputs, parameters }, operation.makes === 'asset');
            if (answer.status === 202 || operation.makes === 'asset')
                this.hooks.take(await answer.json() as Job);
            else if (operation.makes === 'facts')
                told.replaceChildren(factList(await answer.json() as Record<string, unknown>));
            else
                await keep(answer, `${operation.name}`);
            say(`${title(operation.name)}: done.`);
        } catch (error) {
            this.hooks.problem(error as Problem);
        }
        button.disabled = false;
    }
}
