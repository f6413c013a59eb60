/**
 * What Python 3.11's `re` says: [pattern, null when it is no pattern, else [text, 1 when `fullmatch` matches, groups of `match` or null]].
 *
 * Made once by running Python on these patterns and texts.
 */
export type Row = readonly [text: string, full: 0 | 1, prefix: ReadonlyArray<string | null> | null];

export const pythonTable: ReadonlyArray<readonly [pattern: string, rows: ReadonlyArray<Row> | null]> = [
  [
    '.*\\.(q|v)_proj',
    [
      ['model.layers.0.self_attn.q_proj', 1, ['model.layers.0.self_attn.q_proj', 'q']],
      ['model.layers.11.mlp.down_proj', 0, null],
      ['transformer.h.3.attn.c_attn', 0, null],
      ['vit.encoder.layer.2.output.dense', 0, null],
      ['lm_head', 0, null],
    ],
  ],
  [
    '.*q_proj',
    [
      ['model.layers.0.self_attn.q_proj', 1, ['model.layers.0.self_attn.q_proj']],
      ['model.layers.11.mlp.down_proj', 0, null],
      ['transformer.h.3.attn.c_attn', 0, null],
      ['vit.encoder.layer.2.output.dense', 0, null],
      ['lm_head', 0, null],
    ],
  ],
  [
    'model\\.layers\\.(\\d+)\\..*',
    [
      ['model.layers.0.self_attn.q_proj', 1, ['model.layers.0.self_attn.q_proj', '0']],
      ['model.layers.11.mlp.down_proj', 1, ['model.layers.11.mlp.down_proj', '11']],
      ['transformer.h.3.attn.c_attn', 0, null],
      ['vit.encoder.layer.2.output.dense', 0, null],
      ['lm_head', 0, null],
    ],
  ],
  [
    '.*?\\.[^.]*\\.(\\d+)\\.',
    [
      ['model.layers.0.self_attn.q_proj', 0, ['model.layers.0.', '0']],
      ['model.layers.11.mlp.down_proj', 0, ['model.layers.11.', '11']],
      ['transformer.h.3.attn.c_attn', 0, ['transformer.h.3.', '3']],
      ['vit.encoder.layer.2.output.dense', 0, ['vit.encoder.layer.2.', '2']],
      ['lm_head', 0, null],
    ],
  ],
  [
    '(.*\\.)?(mlp\\.down_proj)$',
    [
      ['model.layers.0.self_attn.q_proj', 0, null],
      ['model.layers.11.mlp.down_proj', 1, ['model.layers.11.mlp.down_proj', 'model.layers.11.', 'mlp.down_proj']],
      ['transformer.h.3.attn.c_attn', 0, null],
      ['vit.encoder.layer.2.output.dense', 0, null],
      ['lm_head', 0, null],
    ],
  ],
  [
    '(.*\\.)?(^lm_head)$',
    [
      ['model.layers.0.self_attn.q_proj', 0, null],
      ['model.layers.11.mlp.down_proj', 0, null],
      ['transformer.h.3.attn.c_attn', 0, null],
      ['vit.encoder.layer.2.output.dense', 0, null],
      ['lm_head', 1, ['lm_head', null, 'lm_head']],
    ],
  ],
  [
    '^(?!.*mlp).*proj$',
    [
      ['model.layers.0.self_attn.q_proj', 1, ['model.layers.0.self_attn.q_proj']],
      ['model.layers.11.mlp.down_proj', 0, null],
      ['transformer.h.3.attn.c_attn', 0, null],
      ['vit.encoder.layer.2.output.dense', 0, null],
      ['lm_head', 0, null],
    ],
  ],
  [
    '(?!model)(?!vit).*',
    [
      ['model.layers.0.self_attn.q_proj', 0, null],
      ['model.layers.11.mlp.down_proj', 0, null],
      ['transformer.h.3.attn.c_attn', 1, ['transformer.h.3.attn.c_attn']],
      ['vit.encoder.layer.2.output.dense', 0, null],
      ['lm_head', 1, ['lm_head']],
    ],
  ],
  [
    '^(?=model)(?=.*attn).*',
    [
      ['model.layers.0.self_attn.q_proj', 1, ['model.layers.0.self_attn.q_proj']],
      ['model.layers.11.mlp.down_proj', 0, null],
      ['transformer.h.3.attn.c_attn', 0, null],
      ['vit.encoder.layer.2.output.dense', 0, null],
      ['lm_head', 0, null],
    ],
  ],
  [
    '(?i)MODEL\\.Layers\\.\\d+\\.SELF_ATTN\\.(?:Q|K)_proj',
    [
      ['model.layers.0.self_attn.q_proj', 1, ['model.layers.0.self_attn.q_proj']],
      ['model.layers.11.mlp.down_proj', 0, null],
      ['transformer.h.3.attn.c_attn', 0, null],
      ['vit.encoder.layer.2.output.dense', 0, null],
      ['lm_head', 0, null],
    ],
  ],
  [
    '(?P<base>.*)\\.(?P<leaf>[^.]+)',
    [
      ['model.layers.0.self_attn.q_proj', 1, ['model.layers.0.self_attn.q_proj', 'model.layers.0.self_attn', 'q_proj']],
      ['model.layers.11.mlp.down_proj', 1, ['model.layers.11.mlp.down_proj', 'model.layers.11.mlp', 'down_proj']],
      ['transformer.h.3.attn.c_attn', 1, ['transformer.h.3.attn.c_attn', 'transformer.h.3.attn', 'c_attn']],
      [
        'vit.encoder.layer.2.output.dense',
        1,
        ['vit.encoder.layer.2.output.dense', 'vit.encoder.layer.2.output', 'dense'],
      ],
      ['lm_head', 0, null],
    ],
  ],
  [
    '(^|.*\\.)layer($|\\..*)',
    [
      ['model.layers.0.self_attn.q_proj', 0, null],
      ['model.layers.11.mlp.down_proj', 0, null],
      ['transformer.h.3.attn.c_attn', 0, null],
      ['vit.encoder.layer.2.output.dense', 1, ['vit.encoder.layer.2.output.dense', 'vit.encoder.', '.2.output.dense']],
      ['lm_head', 0, null],
    ],
  ],
  [
    '.*language_model\\..*\\.(q_proj|v_proj)',
    [
      ['m.language_model.layers.0.q_proj', 1, ['m.language_model.layers.0.q_proj', 'q_proj']],
      ['language_model.0.q_proj', 1, ['language_model.0.q_proj', 'q_proj']],
    ],
  ],
  [
    'a$',
    [
      ['a', 1, ['a']],
      ['a\n', 0, ['a']],
      ['ab', 0, null],
      ['a\nb', 0, null],
    ],
  ],
  [
    'a\\Z',
    [
      ['a', 1, ['a']],
      ['a\n', 0, null],
    ],
  ],
  [
    'a$\\n',
    [
      ['a\n', 1, ['a\n']],
      ['a', 0, null],
    ],
  ],
  [
    '(?m)a$',
    [
      ['a\nb', 0, ['a']],
      ['a', 1, ['a']],
      ['b\na', 0, null],
    ],
  ],
  ['(?m)a$\\n^b', [['a\nb', 1, ['a\nb']]]],
  [
    '^a',
    [
      ['a', 1, ['a']],
      ['ba', 0, null],
    ],
  ],
  [
    '\\Aa\\Z',
    [
      ['a', 1, ['a']],
      ['a\n', 0, null],
    ],
  ],
  [
    '.',
    [
      ['a', 1, ['a']],
      ['\n', 0, null],
      ['\u00e9', 1, ['\u00e9']],
      ['\ud83d\ude00', 1, ['\ud83d\ude00']],
      ['', 0, null],
    ],
  ],
  ['(?s).', [['\n', 1, ['\n']]]],
  [
    '(?s:.).',
    [
      ['\na', 1, ['\na']],
      ['\n\n', 0, null],
    ],
  ],
  [
    '\\d+',
    [
      ['12', 1, ['12']],
      ['\u0661\u0662', 1, ['\u0661\u0662']],
      ['a', 0, null],
      ['\u00b2', 0, null],
    ],
  ],
  [
    '(?a)\\d+',
    [
      ['12', 1, ['12']],
      ['\u0661\u0662', 0, null],
    ],
  ],
  [
    '(?a:\\d)\\d',
    [
      ['1\u0661', 1, ['1\u0661']],
      ['\u06611', 0, null],
    ],
  ],
  [
    '\\w+',
    [
      ['\u00e9t\u00e9_1', 1, ['\u00e9t\u00e9_1']],
      ['\u6f22\u5b57', 1, ['\u6f22\u5b57']],
      ['a-b', 0, ['a']],
      ['\u00b2', 1, ['\u00b2']],
      ['\u0301', 0, null],
    ],
  ],
  [
    '(?a)\\w+',
    [
      ['\u00e9t\u00e9', 0, null],
      ['ete', 1, ['ete']],
    ],
  ],
  [
    '\\W',
    [
      ['-', 1, ['-']],
      ['\u00e9', 0, null],
      ['\u0301', 1, ['\u0301']],
    ],
  ],
  [
    '\\s',
    [
      [' ', 1, [' ']],
      ['\u00a0', 1, ['\u00a0']],
      ['\u001c', 1, ['\u001c']],
      ['\u2003', 1, ['\u2003']],
      ['a', 0, null],
      ['\u200b', 0, null],
    ],
  ],
  [
    '(?a)\\s',
    [
      ['\u00a0', 0, null],
      ['\t', 1, ['\t']],
    ],
  ],
  [
    '\\S\\D',
    [
      ['ab', 1, ['ab']],
      ['a1', 0, null],
      [' a', 0, null],
    ],
  ],
  [
    '[^\\W_]+',
    [
      ['abc', 1, ['abc']],
      ['a_b', 0, ['a']],
      ['\u00e91', 1, ['\u00e91']],
      ['_', 0, null],
    ],
  ],
  [
    '[\\W\\d]',
    [
      ['1', 1, ['1']],
      ['-', 1, ['-']],
      ['a', 0, null],
      ['_', 0, null],
    ],
  ],
  [
    '[^\\Da]',
    [
      ['1', 1, ['1']],
      ['a', 0, null],
      ['b', 0, null],
    ],
  ],
  [
    '[\\s\\S]',
    [
      ['\n', 1, ['\n']],
      ['a', 1, ['a']],
    ],
  ],
  [
    '[^\\s]',
    [
      [' ', 0, null],
      ['x', 1, ['x']],
    ],
  ],
  [
    '[]a]+',
    [
      [']a]', 1, [']a]']],
      ['b', 0, null],
    ],
  ],
  [
    '[^]]',
    [
      [']', 0, null],
      ['a', 1, ['a']],
    ],
  ],
  [
    '[a-]',
    [
      ['-', 1, ['-']],
      ['a', 1, ['a']],
      ['b', 0, null],
    ],
  ],
  ['[-a]', [['-', 1, ['-']]]],
  [
    '[\\]\\-\\\\]',
    [
      [']', 1, [']']],
      ['-', 1, ['-']],
      ['\\', 1, ['\\']],
    ],
  ],
  [
    '[[:alpha:]]',
    [
      ['a]', 1, ['a]']],
      ['a', 0, null],
      [':]', 1, [':]']],
      ['b]', 0, null],
    ],
  ],
  [
    '[a&&b]',
    [
      ['&', 1, ['&']],
      ['a', 1, ['a']],
      ['b', 1, ['b']],
      ['c', 0, null],
    ],
  ],
  [
    '[\\b]',
    [
      ['\b', 1, ['\b']],
      ['b', 0, null],
    ],
  ],
  [
    '[\\x41-\\u0043]',
    [
      ['B', 1, ['B']],
      ['D', 0, null],
    ],
  ],
  ['[\\101]', [['A', 1, ['A']]]],
  [
    '[^a-z]',
    [
      ['A', 1, ['A']],
      ['b', 0, null],
      ['\u00e9', 1, ['\u00e9']],
    ],
  ],
  ['\\x41\\u00e9\\U0001F600', [['A\u00e9\ud83d\ude00', 1, ['A\u00e9\ud83d\ude00']]]],
  ['\\101\\07\\0', [['A\u0007\u0000', 1, ['A\u0007\u0000']]]],
  ['\\t\\n\\r\\f\\v\\a', [['\t\n\r\f\u000b\u0007', 1, ['\t\n\r\f\u000b\u0007']]]],
  ['\\.\\*\\-\\ \\#_', [['.*- #_', 1, ['.*- #_']]]],
  ['\\\u00e9', [['\u00e9', 1, ['\u00e9']]]],
  ['\\e', null],
  ['\\q', null],
  ['\\_', [['_', 1, ['_']]]],
  [
    'a{2}',
    [
      ['aa', 1, ['aa']],
      ['a', 0, null],
      ['aaa', 0, ['aa']],
    ],
  ],
  [
    'a{,2}',
    [
      ['', 1, ['']],
      ['aa', 1, ['aa']],
      ['aaa', 0, ['aa']],
    ],
  ],
  [
    'a{1,}',
    [
      ['', 0, null],
      ['aaaa', 1, ['aaaa']],
    ],
  ],
  [
    'a{,}',
    [
      ['', 1, ['']],
      ['aaa', 1, ['aaa']],
    ],
  ],
  ['a{2}?', [['aa', 1, ['aa']]]],
  [
    'a{',
    [
      ['a{', 1, ['a{']],
      ['a', 0, null],
    ],
  ],
  ['a{}', [['a{}', 1, ['a{}']]]],
  ['a{x}', [['a{x}', 1, ['a{x}']]]],
  ['a{1,2', [['a{1,2', 1, ['a{1,2']]]],
  ['{a', [['{a', 1, ['{a']]]],
  [
    'x{0}y',
    [
      ['y', 1, ['y']],
      ['xy', 0, null],
    ],
  ],
  ['a{2,1}', null],
  ['a**', null],
  ['*a', null],
  ['a|*', null],
  ['^*', null],
  ['(?:^)*a', [['a', 1, ['a']]]],
  [
    'a??b',
    [
      ['ab', 1, ['ab']],
      ['b', 1, ['b']],
    ],
  ],
  ['a+?', [['aa', 1, ['a']]]],
  ['(a|ab)(c|bcd)(d*)', [['abcd', 1, ['abcd', 'a', 'bcd', '']]]],
  [
    'a|ab',
    [
      ['ab', 1, ['a']],
      ['a', 1, ['a']],
    ],
  ],
  [
    '(?:a*)*b',
    [
      ['aab', 1, ['aab']],
      ['b', 1, ['b']],
      ['a', 0, null],
    ],
  ],
  [
    '(?:)',
    [
      ['', 1, ['']],
      ['a', 0, ['']],
    ],
  ],
  ['()', [['', 1, ['', '']]]],
  [
    '',
    [
      ['', 1, ['']],
      ['a', 0, ['']],
    ],
  ],
  [
    'a||b',
    [
      ['', 1, ['']],
      ['a', 1, ['a']],
      ['b', 1, ['']],
    ],
  ],
  [
    '(?x) a  b # comment\n c',
    [
      ['abc', 1, ['abc']],
      ['a b c', 0, null],
    ],
  ],
  ['(?x)a\\ b[ ]c', [['a b c', 1, ['a b c']]]],
  [
    '(?x: a )b c',
    [
      ['ab c', 1, ['ab c']],
      ['abc', 0, null],
    ],
  ],
  ['a(?#note)b', [['ab', 1, ['ab']]]],
  ['a(?#note)*', [['aaa', 1, ['aaa']]]],
  ['a(?#note', null],
  [
    '(?i)\u00e9',
    [
      ['\u00c9', 1, ['\u00c9']],
      ['\u00e9', 1, ['\u00e9']],
    ],
  ],
  [
    '(?i)\u0131',
    [
      ['I', 1, ['I']],
      ['i', 1, ['i']],
      ['\u0130', 1, ['\u0130']],
      ['\u0131', 1, ['\u0131']],
    ],
  ],
  [
    '(?i)[h-j]',
    [
      ['\u0130', 1, ['\u0130']],
      ['K', 0, null],
      ['J', 1, ['J']],
    ],
  ],
  [
    '(?ai)\u0131',
    [
      ['I', 0, null],
      ['\u0131', 1, ['\u0131']],
    ],
  ],
  [
    '(?ai)[k]',
    [
      ['K', 1, ['K']],
      ['\u212a', 0, null],
    ],
  ],
  [
    '(?i)k',
    [
      ['\u212a', 1, ['\u212a']],
      ['K', 1, ['K']],
    ],
  ],
  [
    '(?i)[^k]',
    [
      ['\u212a', 0, null],
      ['K', 0, null],
      ['a', 1, ['a']],
    ],
  ],
  [
    '(?i)\u00df',
    [
      ['\u1e9e', 1, ['\u1e9e']],
      ['\u00df', 1, ['\u00df']],
      ['ss', 0, null],
    ],
  ],
  [
    '(?i:a)b',
    [
      ['Ab', 1, ['Ab']],
      ['AB', 0, null],
    ],
  ],
  [
    '(?i)a(?-i:b)',
    [
      ['Ab', 1, ['Ab']],
      ['AB', 0, null],
    ],
  ],
  [
    '(?i)(?a:\u017f)',
    [
      ['s', 0, null],
      ['S', 0, null],
      ['\u017f', 1, ['\u017f']],
    ],
  ],
  ['(?u)\u00e9', [['\u00e9', 1, ['\u00e9']]]],
  [
    '(?im)^A$',
    [
      ['a', 1, ['a']],
      ['b\na', 0, null],
    ],
  ],
  ['a(?i)b', null],
  ['(?:(?i)a)', null],
  ['(?L)a', null],
  ['(?au)a', null],
  ['(?i-i:a)', null],
  ['(?-a:b)', null],
  ['(?z)a', null],
  ['(?i', null],
  ['(?', null],
  ['(?P<1>a)', null],
  ['(?P<a>x)(?P<a>y)', null],
  ['(?P>a)', null],
  ['(?<a>x)', null],
  ['(', null],
  [')', null],
  ['a)', null],
  ['[', null],
  ['[]', null],
  ['[b-a]', null],
  ['[a-\\d]', null],
  ['[\\d-a]', null],
  ['[\\q]', null],
  ['[\\8]', null],
  ['\\x1', null],
  ['\\u12', null],
  ['\\U00110000', null],
  ['\\400', null],
  ['a\\', null],
  ['(?P<n>', null],
  ['(?i:a', null],
];
