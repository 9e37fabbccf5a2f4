// SPDX-License-Identifier: MIT
// What a reader of the page sees: each piece of text with its size, place and contrast.

function channels(color) {
    const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
    return { red, green, blue, alpha };
}

function over(top, bottom) {
    const mixed = { alpha: 1 };
    for (const channel of ["red", "green", "blue"]) {
        mixed[channel] = top[channel] * top.alpha + bottom[channel] * (1 - top.alpha);
    }
    return mixed;
}

// https://www.w3.org/TR/WCAG21/#dfn-relative-luminance
function luminance(color) {
    const [red, green, blue] = [color.red, color.green, color.blue].map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
}

// The page's own ground, light or dark as the document allows.
function canvas() {
    const probe = document.createElement("div");
    probe.style.backgroundColor = "Canvas";
    document.body.append(probe);
    const color = channels(getComputedStyle(probe).backgroundColor);
    probe.remove();
    return color;
}

// An element's text and ground, through everything that it stands in.
function colors(element) {
    const chain = [];
    for (let at = element; at; at = at.parentElement) {
        chain.unshift(getComputedStyle(at));
    }
    let ground = canvas();
    let opacity = 1;
    for (const style of chain) {
        opacity *= Number(style.opacity);
        const color = channels(style.backgroundColor);
        ground = over({ ...color, alpha: color.alpha * opacity }, ground);
    }
    const text = channels(chain[chain.length - 1].color);
    return [over({ ...text, alpha: text.alpha * opacity }, ground), ground];
}

function plain(text) {
    return text.replace(/\s+/g, " ").trim();
}

function textNodes() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) {
        if (plain(walker.currentNode.data) !== "") {
            nodes.push(walker.currentNode);
        }
    }
    return nodes;
}

function box(node) {
    const range = document.createRange();
    range.selectNodeContents(node);
    return range.getBoundingClientRect();
}

// Words (not references) that do not stand whole on one line.
function brokenWords(node) {
    const words = node.data.matchAll(/(?<![\p{L}\p{N}_])\p{L}+(?![\p{L}\p{N}_])/gu);
    return [...words].filter((word) => {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        return new Set([...range.getClientRects()].map((rect) => rect.top)).size > 1;
    }).map((word) => word[0]);
}

window.isOnTop = function (wanted) {
    return textNodes().filter((node) => plain(node.data).includes(wanted)).some((node) => {
        const { left, right, top, bottom, width, height } = box(node);
        const hit = document.elementFromPoint(left + width / 2, top + height / 2);
        return width > 0 && left >= 0 && right <= innerWidth && top >= 0 &&
            bottom <= innerHeight && hit === node.parentElement;
    });
};

return {
    width: innerWidth,
    scrollWidth: document.documentElement.scrollWidth,
    ground: luminance(canvas()),
    resources: performance.getEntriesByType("resource").map((entry) => entry.name),
    texts: textNodes().map((node) => {
        const { left, right } = box(node);
        return {
            text: plain(node.data),
            left,
            right,
            size: parseFloat(getComputedStyle(node.parentElement).fontSize),
            contrast: contrast(...colors(node.parentElement)),
            broken: brokenWords(node),
        };
    }),
};
