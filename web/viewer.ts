// SPDX-License-Identifier: Apache-2.0
// The 3D view: one asset on a bed. Draws only when something changed, so an idle page costs nothing.
import {
    Box3, DirectionalLight, Material, Mesh, MeshBasicMaterial, MeshStandardMaterial, NeutralToneMapping, Object3D, PCFShadowMap,
    BackSide, Color, HalfFloatType, NearestFilter, PerspectiveCamera, PMREMGenerator, Scene, ShaderMaterial, Sphere, Spherical, Texture, TextureLoader, Vector2, Vector3, WebGLRenderer, WebGLRenderTarget,
} from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
import { RoomEnvironment } from 'three/addons/environments/RoomEnvironment.js';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';
import { makeBed, type Inks } from './bed.js';

export type Mode = 'picture' | 'clay' | 'wires' | 'lit';

export interface Shown {
    triangles: number;
    size: [number, number, number]; // mm
    light: boolean; // it is meant to be held against light
}

const metre = 1000; // GLB counts in metres, we in millimetres
const plastic = 'white plastic'; // the material of lithophanes
const room = new Color(0x1a1a1a);

// Light through a wall: exp(-mu t) from the first face to the first that is turned away, white where it is 0.8 mm. Depths are
// counted from the middle of what is seen, where half floats are finest.
const depths = `
    uniform float middle;
    varying float depth;
    void main() {
        vec4 at = modelViewMatrix * vec4(position, 1.0);
        depth = -at.z - middle;
        gl_Position = projectionMatrix * at;
    }`;
const through = `
    uniform sampler2D behind;
    uniform vec2 pixels;
    varying float depth;
    void main() {
        float wall = texture2D(behind, gl_FragCoord.xy / pixels).r - depth;
        float light = exp(-1.1 * max(wall - 0.8, 0.0));
        gl_FragColor = vec4(pow(light * vec3(1.0, 0.95, 0.87), vec3(1.0 / 2.2)), 1.0);
    }`;
const view = new Vector3(0.55, 0.42, 1).normalize(); // where the camera stands at first

export class Viewer {
    private readonly renderer: WebGLRenderer;
    private readonly scene = new Scene();
    private readonly camera = new PerspectiveCamera(32, 1, 1, 10000);
    private readonly controls: OrbitControls;
    private readonly sun = new DirectionalLight(0xffffff, 1.5);
    private readonly loader = new GLTFLoader();
    private readonly clay = new MeshStandardMaterial({ color: 0xc9c5bf, roughness: 0.85 });
    private readonly wire = new MeshBasicMaterial({ wireframe: true, transparent: true, opacity: 0.35, toneMapped: false });
    private readonly back = new WebGLRenderTarget(1, 1, { type: HalfFloatType, minFilter: NearestFilter, magFilter: NearestFilter });
    private readonly uniforms = { middle: { value: 0 }, pixels: { value: new Vector2() }, behind: { value: this.back.texture } };
    private readonly faces = new ShaderMaterial({ uniforms: this.uniforms, vertexShader: depths, fragmentShader: through, toneMapped: false });
    private readonly backs = new ShaderMaterial({
        uniforms: this.uniforms, vertexShader: depths, side: BackSide, toneMapped: false,
        fragmentShader: 'varying float depth; void main() { gl_FragColor = vec4(depth, 0.0, 0.0, 1.0); }',
    });
    private readonly calm = matchMedia('(prefers-reduced-motion: reduce)');
    private readonly dark = matchMedia('(prefers-color-scheme: dark)');
    private asset: Object3D | null = null;
    private bed: Object3D | null = null;
    private bounds = new Box3();
    private mode: Mode = 'picture';
    private drawing = 0;

    /** Throws when the browser has no WebGL. */
    constructor(private readonly host: HTMLElement, canvas: HTMLCanvasElement) {
        this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
        this.renderer.toneMapping = NeutralToneMapping;
        this.renderer.toneMappingExposure = 0.95;
        this.renderer.shadowMap.enabled = true;
        this.renderer.shadowMap.type = PCFShadowMap;
        const room = new PMREMGenerator(this.renderer);
        this.scene.environment = room.fromScene(new RoomEnvironment(), 0.04).texture;
        this.scene.environmentIntensity = 0.6;
        room.dispose();
        this.sun.castShadow = true;
        this.sun.shadow.mapSize.set(1024, 1024);
        this.sun.shadow.radius = 6;
        this.scene.add(this.sun, this.sun.target);

        // Textures through <img>: the page's policy then needs blob: for pictures only.
        this.loader.register(parser => {
            parser.textureLoader = new TextureLoader(parser.options.manager);
            return { name: 'page-textures' };
        });
        this.controls = new OrbitControls(this.camera, canvas);
        this.controls.addEventListener('change', () => this.draw());
        this.camera.position.copy(view).multiplyScalar(400);
        this.follow();
        this.makeBed(60);
        canvas.addEventListener('keydown', event => this.key(event));
        canvas.addEventListener('webglcontextrestored', () => this.draw());
        new ResizeObserver(() => this.resize()).observe(host);
        this.dark.addEventListener('change', () => this.makeBed(this.reach()));
        this.calm.addEventListener('change', () => this.follow());
    }

    /** Shows a GLB in place of the asset before it. The camera stays, unless `fit`. */
    async show(glb: ArrayBuffer, fit: boolean): Promise<Shown> {
        const loaded = (await this.loader.parseAsync(glb, '')).scene;
        loaded.scale.setScalar(metre);
        loaded.updateMatrixWorld(true);
        this.drop();
        this.asset = loaded;
        this.scene.add(loaded);
        this.bounds = new Box3().setFromObject(loaded);
        let triangles = 0;
        let light = false;
        for (const mesh of this.meshes()) {
            mesh.castShadow = true;
            mesh.userData['own'] = mesh.material;
            light ||= [mesh.material].flat().some(material => material.name === plastic);
            triangles += (mesh.geometry.index ?? mesh.geometry.getAttribute('position')).count / 3;
        }
        this.dress();
        this.makeBed(this.reach());
        this.light();
        if (fit)
            this.fit();
        this.draw();
        return { triangles, size: this.bounds.getSize(new Vector3()).toArray(), light };
    }

    clear(): void {
        this.drop();
        this.draw();
    }

    /** Places the camera so that all of the asset is seen, from where it looks now. */
    fit(fromStart = false): void {
        const ball = this.bounds.isEmpty() ? new Sphere(new Vector3(), 90) : this.bounds.getBoundingSphere(new Sphere());
        const half = this.camera.fov / 2 * Math.PI / 180;
        const narrow = Math.min(half, Math.atan(Math.tan(half) * this.camera.aspect));
        const away = Math.max(ball.radius, 0.5) / Math.sin(narrow) * 1.12;
        const from = fromStart ? view.clone() : this.camera.position.clone().sub(this.controls.target).normalize();
        this.controls.target.copy(ball.center);
        this.camera.position.copy(ball.center).addScaledVector(from, away);
        this.camera.near = away / 100;
        this.camera.far = away * 20;
        this.camera.updateProjectionMatrix();
        this.controls.minDistance = away / 30;
        this.controls.maxDistance = away * 6;
        this.controls.update();
        this.draw();
    }

    setMode(mode: Mode): void {
        this.mode = mode;
        this.dress();
        this.draw();
    }

    setTurning(yes: boolean): void {
        this.controls.autoRotate = yes;
        this.draw();
    }

    // --- Inside -------------------------------------------------------------------------------------------

    private meshes(): Mesh[] {
        const found: Mesh[] = [];
        this.asset?.traverse(node => {
            if (node instanceof Mesh && !node.userData['overlay'])
                found.push(node);
        });
        return found;
    }

    private reach(): number {
        if (this.bounds.isEmpty())
            return 60;
        return Math.max(...[this.bounds.min.x, this.bounds.min.z, this.bounds.max.x, this.bounds.max.z].map(Math.abs));
    }

    private dress(): void {
        for (const mesh of this.meshes()) {
            mesh.material = this.mode === 'picture' ? mesh.userData['own'] as Material : this.mode === 'lit' ? this.faces : this.clay;
            mesh.clear();
            if (this.mode === 'wires') {
                const overlay = new Mesh(mesh.geometry, this.wire);
                overlay.userData['overlay'] = true;
                mesh.add(overlay);
            }
        }
        this.wire.color.set(0x1b1f26);
        this.scene.background = this.mode === 'lit' ? room : null;
        if (this.bed)
            this.bed.visible = this.mode !== 'lit';
    }

    private drop(): void {
        for (const mesh of this.meshes()) {
            mesh.geometry.dispose();
            for (const material of [mesh.userData['own'] as Material | Material[]].flat()) {
                for (const value of Object.values(material))
                    if (value instanceof Texture)
                        value.dispose();
                material.dispose();
            }
        }
        this.asset?.removeFromParent();
        this.asset = null;
        this.bounds.makeEmpty();
    }

    private inks(): Inks {
        return this.dark.matches
            ? { minor: '#232a33', major: '#36404d', text: '#8b98a8', shadow: 0.45 }
            : { minor: '#e0ddd6', major: '#c8c3b9', text: '#7d776c', shadow: 0.16 };
    }

    private makeBed(reach: number): void {
        if (this.bed) {
            this.bed.traverse(node => {
                if (!(node instanceof Mesh) && !('geometry' in node))
                    return;
                const part = node as Mesh<Mesh['geometry'], MeshBasicMaterial>;
                part.geometry.dispose();
                part.material.map?.dispose();
                part.material.dispose();
            });
            this.bed.removeFromParent();
        }
        this.bed = makeBed(reach, this.inks());
        this.bed.visible = this.mode !== 'lit';
        this.scene.add(this.bed);
        this.draw();
    }

    private light(): void {
        const ball = this.bounds.getBoundingSphere(new Sphere());
        const r = Math.max(ball.radius, 0.5);
        this.sun.target.position.copy(ball.center);
        this.sun.position.copy(ball.center).add(new Vector3(0.8, 1.7, 1.1).multiplyScalar(r * 2));
        const camera = this.sun.shadow.camera;
        camera.left = camera.bottom = -r * 1.6;
        camera.right = camera.top = r * 1.6;
        camera.near = r * 0.5;
        camera.far = r * 8;
        camera.updateProjectionMatrix();
        this.sun.shadow.normalBias = r * 0.008;
    }

    private follow(): void {
        this.controls.enableDamping = !this.calm.matches;
        if (this.calm.matches)
            this.controls.autoRotate = false;
        this.draw();
    }

    private resize(): void {
        const { clientWidth: width, clientHeight: height } = this.host;
        if (!width || !height)
            return;
        this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
        this.renderer.setSize(width, height, false);
        this.camera.aspect = width / height;
        this.camera.updateProjectionMatrix();
        this.draw();
    }

    /** Arrows turn, plus and minus come nearer and go away. */
    private key(event: KeyboardEvent): void {
        const turn = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        const near = { '+': 0.85, '=': 0.85, '-': 1 / 0.85 }[event.key];
        if (!turn && !near || event.ctrlKey || event.metaKey || event.altKey)
            return;
        event.preventDefault();
        const arm = new Spherical().setFromVector3(this.camera.position.clone().sub(this.controls.target));
        arm.theta += (turn?.[0] ?? 0) * Math.PI / 18;
        arm.phi = Math.min(Math.PI - 0.05, Math.max(0.05, arm.phi + (turn?.[1] ?? 0) * Math.PI / 24));
        arm.radius *= near ?? 1;
        this.camera.position.copy(this.controls.target).add(new Vector3().setFromSpherical(arm));
        this.controls.update();
        this.draw();
    }

    private drawBacks(): void {
        this.renderer.getDrawingBufferSize(this.uniforms.pixels.value);
        this.back.setSize(this.uniforms.pixels.value.x, this.uniforms.pixels.value.y);
        this.uniforms.middle.value = this.camera.position.distanceTo(this.controls.target);
        this.scene.overrideMaterial = this.backs;
        this.renderer.setRenderTarget(this.back);
        this.renderer.render(this.scene, this.camera);
        this.renderer.setRenderTarget(null);
        this.scene.overrideMaterial = null;
    }

    private draw(): void {
        this.drawing ||= requestAnimationFrame(() => {
            this.drawing = 0;
            this.controls.update(); // asks for the next frame itself while it glides or turns
            if (this.mode === 'lit')
                this.drawBacks();
            this.renderer.render(this.scene, this.camera);
        });
    }
}
