# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The recipes run end to end on little data, resume exactly, and load into the runtime."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import FaceEmotionRecognizer, ModelError, load_model
from emotion_perception.models.balance import NATURAL, rebalance
from emotion_training import __main__ as dispatcher
from emotion_training.common import files, metrics
from emotion_training.common.files import TrainingError, load_torch, save_torch
from emotion_training.common.metrics import calibration_error, figures
from emotion_training.fer import evaluate, export, networks, onnx_file, train
from emotion_training.fer.augment import BatchAugment, Chance, Look, PhotoAugment
from emotion_training.fer.calibration import calibrate
from emotion_training.fer.datasets import one_hot, read_faces
from emotion_training.fer.faceset import FaceSet
from emotion_training.fer.feed import Feed
from emotion_training.fer.geometry import FRAME, framed_whole
from emotion_training.fer.losses import (
    Teachers,
    class_priors,
    drawing_weights,
    epoch_order,
    inverse_weights,
)
from emotion_training.fer.mobilenet import MobileNet
from emotion_training.fer.networks import Answers, FaceNet
from emotion_training.fer.recipes import RECIPES, Phase, Recipe, find_recipe
from emotion_training.fer.trainer import Trainer
from support.models import face_model

LOOK = Look(32, 'grey', (0.5,), (0.25,))
TINY = Recipe(
    'facenet',
    LOOK,
    (Phase(3, 0.05, 'all', 'onecycle'),),
    optimizer='sgd',
    batch=16,
    augment='batch',
    strength=0.3,
    mixup=0.5,
    ema=0.8,
    dropout=0.1,
    widths=(8, 16),
    depths=(1, 1),
    stem=8,
    monitor='mean',
)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def stripes(classes: int = 6, each: int = 12, labels: tuple[str, ...] = EMOTIONS) -> FaceSet:
    """Return pictures whose stripes tell the class."""
    source = np.random.default_rng(0)
    truth = np.tile(np.arange(classes), each)
    grid = np.arange(48)
    faces = (
        np.stack(
            [
                np.broadcast_to(127 + 90 * np.sin(grid[:, None] * (0.1 + 0.25 * place)), (48, 48))
                + source.normal(0, 8, (48, 48))
                for place in truth
            ]
        )
        .clip(0, 255)
        .astype(np.uint8)
    )
    split = np.array(['train', 'train', 'valid', 'test'])[np.arange(len(truth)) // classes % 4]
    return FaceSet(
        'stripes', labels, faces, one_hot(truth, classes), truth[None], split, digest='0'
    )


def folder_set(root: Path, names: tuple[str, ...], each: int = 12) -> Path:
    """Write striped colour pictures, a folder per class."""
    faces = stripes(len(names), each, names)
    for index in range(len(faces)):
        path = root / names[faces.truths[0][index]] / f'{index}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), cv2.cvtColor(faces.picture(index), cv2.COLOR_GRAY2BGR))
    return root


def test_a_run_saves_all_that_describes_it(tmp_path):
    best = Trainer(TINY, stripes(), tmp_path, 'cpu').run()
    assert {path.name for path in tmp_path.iterdir()} == {
        'recipe.yaml',
        'data.json',
        'history.json',
        'curves.png',
        'last.ckpt',
        'best.pth',
    }
    assert find_recipe(str(tmp_path / 'recipe.yaml')) == TINY
    assert json.loads((tmp_path / 'data.json').read_text())['sha256'] == '0'
    assert np.isfinite(best['train_loss'])


def test_the_same_seed_gives_the_same_weights_and_an_interruption_changes_nothing(tmp_path):
    whole = Trainer(TINY, stripes(), tmp_path / 'a', 'cpu')
    whole.run()
    broken = Trainer(TINY, stripes(), tmp_path / 'b', 'cpu')
    second = broken._validate

    def stop_in_the_second_epoch():
        if broken.epoch == 1:
            raise KeyboardInterrupt
        return second()

    broken._validate = stop_in_the_second_epoch
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    resumed = Trainer(TINY, stripes(), tmp_path / 'b', 'cpu')
    resumed.resume()
    assert resumed.epoch == 1
    resumed.run()
    for one, other in zip(
        whole.network.state_dict().values(), resumed.network.state_dict().values()
    ):
        assert torch.equal(one, other)


def test_a_run_resumed_with_another_recipe_is_refused(tmp_path):
    short = dataclasses.replace(TINY, phases=(Phase(1, 0.05),))
    Trainer(short, stripes(), tmp_path, 'cpu').run()
    other = Trainer(dataclasses.replace(short, batch=8), stripes(), tmp_path, 'cpu')
    with pytest.raises(TrainingError, match='batch: then 16, now 8'):
        other.resume()
    changed = stripes()
    changed.digest = '1'
    with pytest.raises(TrainingError, match=r'another data.*sha256'):
        Trainer(short, changed, tmp_path, 'cpu').resume()


def test_phases_change_what_is_trained(tmp_path):
    recipe = dataclasses.replace(TINY, phases=(Phase(1, 0.05, 'head'),), ema=0.0)
    trainer = Trainer(recipe, stripes(), tmp_path, 'cpu')
    before = {key: value.clone() for key, value in trainer.network.state_dict().items()}
    trainer.run()
    changed = {
        key
        for key, value in trainer.network.state_dict().items()
        if not torch.equal(value, before[key])
    }
    assert changed == {'head.weight', 'head.bias'}


def test_training_stops_when_patience_is_spent(tmp_path):
    recipe = dataclasses.replace(TINY, phases=(Phase(9, 1e-9),), ema=0.0, patience=2)
    trainer = Trainer(recipe, stripes(), tmp_path, 'cpu')
    trainer.run()
    assert trainer.epoch - trainer.best.at == 2 and trainer.epoch < 9


def test_a_class_without_training_pictures_is_named(tmp_path):
    faces = stripes()
    with pytest.raises(TrainingError, match=r"no training picture of \['Sad'\]"):
        Trainer(TINY, faces.subset(np.flatnonzero(faces.truths[0] != 4)), tmp_path, 'cpu')


def test_oversampling_and_class_weights_are_the_reports():
    faces = stripes().of('train')
    recipe = RECIPES['rafdb-resnet50']
    order = epoch_order(faces, recipe, torch.Generator().manual_seed(1))
    counts = np.bincount(faces.truths[0][order], minlength=6)
    assert (counts / (len(faces) / 6)).tolist() == [3, 5, 1, 1, 2, 1]
    skewed = faces.subset(np.flatnonzero((faces.truths[0] != 1) | (np.arange(len(faces)) < 12)))
    weights = inverse_weights(skewed)
    assert weights[1] == weights.max() and weights[0] == weights[5]
    assert [(phase.epochs, phase.rate, phase.trains) for phase in recipe.phases] == [
        (10, 1e-3, 'head'),
        (35, 1e-4, 'all'),
    ]
    assert (recipe.batch, recipe.optimizer, recipe.weights) == (32, 'adam', 'imagenet')


@pytest.mark.parametrize(
    'recipe, names, epochs',
    [
        ('rafdb-resnet50', EMOTIONS, ['1', '1']),
        (
            'affectnet-resnet18',
            ('Angry', 'Contempt', 'Disgust', 'Fear', 'Happy', 'Neutral', 'Sad', 'Surprise'),
            ['1'],
        ),
    ],
)
def test_the_reports_recipes_run_and_load_into_the_runtime(tmp_path, recipe, names, epochs):
    data = folder_set(tmp_path / 'data', names, 10)
    out = tmp_path / 'run'
    assert (
        train.main(
            [
                '--data',
                str(data),
                '--recipe',
                recipe,
                '--weights',
                'none',
                '--size',
                '32',
                '--epochs',
                *epochs,
                '--out',
                str(out),
                '--device',
                'cpu',
                '--threads',
                '1',
            ]
        )
        == 0
    )
    weights = out / RECIPES[recipe].output
    model = load_model(str(weights), 'fer')
    assert tuple(model.entry.labels) == names
    crops = [np.full((128, 128, 3), value, np.uint8) for value in (40, 200)]
    predictions = FaceEmotionRecognizer(model).predict(crops)
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_network_learns_is_exported_and_judged_through_the_runtime(tmp_path, capsys):
    data = folder_set(tmp_path / 'data', EMOTIONS, 40)
    recipe = dataclasses.replace(TINY, phases=(Phase(6, 0.05, 'all', 'onecycle'),), mixup=0.0)
    files.save_yaml(tmp_path / 'recipe.yaml', recipe.as_dict())
    common = ['--data', str(data), '--device', 'cpu', '--threads', '1']
    assert (
        train.main(
            [*common, '--recipe', str(tmp_path / 'recipe.yaml'), '--out', str(tmp_path / 'run')]
        )
        == 0
    )
    assert (tmp_path / 'run' / 'classes.png').is_file()
    model = tmp_path / 'mine.onnx'
    assert (
        train.main(
            [
                *common,
                '--recipe',
                str(tmp_path / 'recipe.yaml'),
                '--export',
                str(tmp_path / 'run'),
                '--to',
                str(model),
                '--test',
                '--int8',
            ]
        )
        == 0
    )
    report = json.loads((tmp_path / 'run' / 'export.json').read_text())
    assert report['parity'] <= export.PARITY
    assert (tmp_path / 'mine_int8.onnx').is_file() == report['int8']['kept']
    seen = (
        FaceEmotionRecognizer(load_model(str(model), 'fer'))
        .predict([np.full((128, 128, 3), value, np.uint8) for value in (40, 200)])
        .embedding
    )
    assert seen.shape == (2, TINY.widths[-1]) and np.abs(seen[0] - seen[1]).max() > 0
    images = tmp_path / 'data'
    assert (
        dispatcher.main(
            [
                'eval',
                'fer',
                '--images',
                str(images),
                '--model',
                str(model),
                '--json',
                str(tmp_path / 'out.json'),
            ]
        )
        == 0
    )
    result = json.loads((tmp_path / 'out.json').read_text())
    assert {
        'accuracy',
        'uar',
        'macro_f1',
        'ece',
        'n',
        'no_face',
        'images_per_second',
        'per_class',
        'confusion',
    } <= set(result)
    assert result['n'] == 240 and result['accuracy'] > 0.6
    assert (tmp_path / 'out.png').stat().st_size > 1000
    assert 'accuracy' in capsys.readouterr().out


def two_label_sets() -> FaceSet:
    faces = stripes()
    other = (faces.truths[0] + 1) % 6
    return dataclasses.replace(
        faces,
        targets=np.concatenate((faces.targets, one_hot(other, 6)), axis=1),
        truths=np.stack((faces.truths[0], other)),
        heads=('first', 'second one'),
    )


def test_one_file_reads_faces_by_either_label_set(tmp_path):
    faces = two_label_sets()
    recipe = dataclasses.replace(
        TINY,
        head_weights=(1.0, 0.5),
        smoothing=(0.0, 0.0),
        mixup=0.0,
        augment='none',
        adjust=True,
        phases=(Phase(10, 0.05),),
    )
    Trainer(recipe, faces, tmp_path / 'run', 'cpu').run()
    report = export.export_run(tmp_path / 'run', faces, tmp_path / 'both.onnx')
    # By the other label set no answer would be right.
    assert report['validation']['first']['accuracy'] > 0.6
    assert report['validation']['second one, its own answer']['accuracy'] > 0.6
    entry = report['entries']['second one']
    assert entry['scores'] == 'logits_second_one'
    (tmp_path / 'second.onnx').write_bytes((tmp_path / 'both.onnx').read_bytes())
    files.save_yaml(tmp_path / 'second.yaml', entry)
    part = faces.of('test')
    crops = [evaluate.framed(picture, FRAME) for picture in part.pictures]
    for name, place in (('both', 0), ('second', 1)):
        model = load_model(str(tmp_path / f'{name}.onnx'), 'fer')
        said = FaceEmotionRecognizer(model).predict(crops).probabilities.argmax(axis=1)
        assert (said == part.truths[place]).mean() > 0.6
    files.save_yaml(tmp_path / 'second.yaml', {**entry, 'scores': 'third'})
    with pytest.raises(ModelError, match=r"no output 'third'.*logits_second_one"):
        load_model(str(tmp_path / 'second.onnx'), 'fer')


def test_a_teacher_brings_a_student_nearer_to_its_own_answers(tmp_path, capsys):
    data = folder_set(tmp_path / 'data', EMOTIONS, 16)
    for name, recipe in (
        ('teacher', dataclasses.replace(TINY, mixup=0.0)),
        (
            'student',
            dataclasses.replace(TINY, mixup=0.0, taught=1.0, seed=2, widths=(8,), depths=(1,)),
        ),
    ):
        files.save_yaml(tmp_path / f'{name}.yaml', recipe.as_dict())
    common = ['--data', str(data), '--device', 'cpu', '--threads', '1', '--epochs', '4']
    assert (
        train.main(
            [
                *common,
                '--recipe',
                str(tmp_path / 'teacher.yaml'),
                '--out',
                str(tmp_path / 'teacher'),
            ]
        )
        == 0
    )
    capsys.readouterr()
    assert (
        train.main(
            [
                *common,
                '--recipe',
                str(tmp_path / 'student.yaml'),
                '--out',
                str(tmp_path / 'student'),
                '--teacher',
                str(tmp_path / 'teacher'),
            ]
        )
        == 0
    )
    assert 'no --teacher' not in capsys.readouterr().out
    losses = [
        entry['train_loss']
        for entry in json.loads((tmp_path / 'student' / 'history.json').read_text())
    ]
    assert losses[-1] < losses[0]
    other = dataclasses.replace(TINY, look=Look(40, 'grey', (0.5,), (0.25,)), taught=0.5)
    files.save_yaml(tmp_path / 'other.yaml', other.as_dict())
    assert (
        train.main(
            [
                *common,
                '--recipe',
                str(tmp_path / 'other.yaml'),
                '--out',
                str(tmp_path / 'other'),
                '--teacher',
                str(tmp_path / 'teacher'),
            ]
        )
        == 2
    )
    assert 'cannot teach' in capsys.readouterr().err


def test_teachers_answer_together_for_the_mixture_that_the_student_is_drawn():
    torch.manual_seed(0)
    teachers = [FaceNet(1, 6, 1, 8, (8, 16), (1, 1)) for _ in range(2)]
    student = FaceNet(1, 6, 1, 8, (8,), (1,))
    for network, first in zip([*teachers, student], (0.5, 0.1, 0.2)):
        shares = torch.full((1, 6), (1 - first) / 5)
        shares[0, 0] = first
        network.state_priors(torch.full((1, 6), 1 / 6), shares)
    images = torch.randn(3, 1, 32, 32)
    taught = Teachers(teachers)(images, student)
    with torch.no_grad():
        wanted = sum(network(images) - network.natural for network in teachers) / 2
    torch.testing.assert_close(taught, wanted + student.drawn)


def _published(network: MobileNet, root: Path) -> Path:
    """Write a network's convolutions as the published file has them."""
    arrays = {'conv1/convolution/merged_input': network.first.weight.permute(2, 3, 1, 0)}
    arrays['conv1_bn/batchnorm_1/sub'] = network.first.bias
    for place, block in enumerate(network.blocks, 1):
        arrays[f'conv_dw_{place}/depthwise_kernel'] = block.depth.weight.permute(2, 3, 0, 1) / 2
        arrays[f'conv_dw_{place}_bn/batchnorm_1/mul'] = torch.full((len(block.depth.weight),), 2.0)
        arrays[f'conv_dw_{place}_bn/batchnorm_1/sub'] = block.depth.bias
        arrays[f'conv_pw_{place}/convolution/merged_input'] = block.point.weight.permute(
            2, 3, 1, 0
        )
        arrays[f'conv_pw_{place}_bn/batchnorm_1/sub'] = block.point.bias
    values = {
        name: value.detach().numpy().astype(np.float16).copy() for name, value in arrays.items()
    }
    data = b''.join(value.tobytes() for value in values.values())
    (root / 'a.bin').write_bytes(data[:1000])
    (root / 'b.bin').write_bytes(data[1000:])
    manifest = [
        {
            'paths': ['a.bin', 'b.bin'],
            'weights': [
                {
                    'name': name,
                    'shape': list(value.shape),
                    'dtype': 'float32',
                    'quantization': {'dtype': 'float16'},
                }
                for name, value in values.items()
            ],
        }
    ]
    path = root / 'faces.json'
    path.write_text(json.dumps({'weightsManifest': manifest}))
    return path


def test_a_network_whose_normalisation_was_folded_away_gets_it_back_and_stays_the_same(tmp_path):
    torch.manual_seed(0)
    source, network = MobileNet(side=64), MobileNet(side=64)
    path = _published(source, tmp_path)
    network.load_published(path)
    for mine, theirs in zip(network.blocks.parameters(), source.blocks.parameters()):
        torch.testing.assert_close(mine, theirs, atol=1e-2, rtol=1e-2)
    # Without statistics yet, each normalisation is the identity: mean 0, deviation 1.
    images = torch.randn(24, 1, 32, 32)
    with torch.no_grad():
        before = network.eval().features(images)
        network.settle(images)
        torch.testing.assert_close(network.eval().features(images), before, atol=1e-3, rtol=1e-2)
    assert not torch.equal(network.first_norm.running_mean, torch.zeros(32))
    path.write_text(path.read_text().replace('conv_pw_7/', 'other/'))
    with pytest.raises(TrainingError, match='another network'):
        network.load_published(path)
    (tmp_path / 'b.bin').unlink()
    with pytest.raises(TrainingError, match='no TensorFlow'):
        network.load_published(path)


def test_a_network_that_knows_faces_is_tuned_and_teaches_but_is_not_exported(tmp_path):
    faces = stripes()
    recipe = dataclasses.replace(
        TINY,
        network='mobilenet',
        side=32,
        weights=str(_published(MobileNet(), tmp_path)),
        adjust=True,
        head_rate=5.0,
        phases=(Phase(1, 0.01, 'all', 'onecycle'),),
    )
    Trainer(recipe, faces, tmp_path / 'run', 'cpu').run()
    options = train.parser().parse_args(['--data', '.', '--teacher', str(tmp_path / 'run')])
    student = dataclasses.replace(TINY, taught=0.5)
    (teacher,) = train._teachers(options.teacher, student, faces)
    assert isinstance(teacher, MobileNet)
    with pytest.raises(TrainingError, match='is a teacher'):
        export.export_run(tmp_path / 'run', faces, tmp_path / 'file.onnx')


def test_pictures_distorted_together_keep_their_indices():
    count = 2300
    dark = np.random.default_rng(0).random(count) < 0.5
    faces = FaceSet(
        'shades',
        EMOTIONS,
        np.where(dark[:, None, None], 20, 235).repeat(48, 1).repeat(48, 2).astype(np.uint8),
        one_hot(np.zeros(count, int), 6),
        np.zeros((1, count), int),
        np.full(count, 'train'),
        digest='0',
    )
    feed = Feed(faces, dataclasses.replace(TINY, gentle=0.5), torch.device('cpu'))
    batches = np.array_split(np.random.default_rng(1).permutation(count), 7)
    ease = [1.0] * 4 + [0.5] * 3
    seen = list(feed.batches([batch.tolist() for batch in batches], ease, Chance(3)))
    assert [len(indices) for indices, _ in seen] == [len(batch) for batch in batches]
    # Batches are mixed with those of the same ease alone.
    for part in (slice(0, 4), slice(4, 7)):
        assert sorted(index for indices, _ in seen[part] for index in indices) == sorted(
            np.concatenate(batches[part])
        )
    bright = np.concatenate([images.median(3)[0].median(2)[0][:, 0] for _, images in seen])
    told = dark[[index for indices, _ in seen for index in indices]]
    # Other light, darkness and covers deceive about some.
    assert ((bright < 0) == told).mean() > 0.9


def test_stated_priors_leave_the_layers_to_tell_classes_apart():
    network = FaceNet(1, 6, 1, 8, (8, 16), (1, 1)).eval()
    images = torch.randn(3, 1, 32, 32)
    with torch.no_grad():
        plain = network(images)
        shares = torch.tensor([[0.1, 0.02, 0.28, 0.4, 0.1, 0.1]])
        network.state_priors(torch.full((1, 6), 1 / 6), shares)
        torch.testing.assert_close(network(images), plain + shares.log())
        layer = network.blend_heads([1.0])
        torch.testing.assert_close(layer(network.features(images)), plain + shares.log())
        network.train()
        assert torch.equal(network.drawn, torch.full((6,), 1 / 6).log())


def test_priors_are_those_of_the_labels_as_they_are_drawn():
    faces = stripes().of('train')
    few = faces.subset(np.flatnonzero((faces.truths[0] != 1) | (np.arange(len(faces)) < 12)))
    natural = class_priors(few)[0]
    counts = torch.from_numpy(np.bincount(few.truths[0], minlength=6)).float()
    torch.testing.assert_close(natural, counts / counts.sum())
    drawn = class_priors(few, drawing_weights(few, 1.0))[0]
    torch.testing.assert_close(drawn, torch.full((6,), 1 / 6))


def test_a_network_that_mirrors_gives_the_mean_of_both_sides_and_exports(tmp_path):
    torch.manual_seed(0)
    network = FaceNet(1, 6, 1, 8, (8, 16), (1, 1)).eval()
    images = torch.randn(3, 1, 32, 32)
    with torch.no_grad():
        expected = (network(images) + network(images.flip(3))) / 2
        network.mirror = True
        torch.testing.assert_close(network(images), expected)
        torch.testing.assert_close(network(images), network(images.flip(3)))
    answers = Answers(network)
    assert onnx_file.parity(onnx_file.to_onnx(answers, 1, 32), answers, images) <= export.PARITY


def test_export_of_blended_heads_equals_the_weighted_sum_of_logits():
    torch.manual_seed(0)
    network = FaceNet(1, 6, 2, 8, (8, 16), (1, 1)).eval()
    images = torch.randn(3, 1, 32, 32)
    with torch.no_grad():
        heads = network(images).view(3, 2, 6)
        layer = network.blend_heads([0.7, 0.3], [0.1] * 6)
        torch.testing.assert_close(
            layer(network.features(images)), 0.7 * heads[:, 0] + 0.3 * heads[:, 1] + 0.1
        )


@pytest.mark.parametrize('kind', ['facenet', 'resnet18'])
def test_an_exported_embedding_is_what_the_head_decides_by(kind):
    torch.manual_seed(0)
    network = (
        FaceNet(1, 6, 1, 8, (8, 16), (1, 1))
        if kind == 'facenet'
        else networks.torchvision_network(kind, 6, 'none')
    )
    channels = 1 if kind == 'facenet' else 3
    images = torch.randn(3, channels, 32, 32)
    answers = Answers(network.eval())
    model = onnx_file.to_onnx(answers, channels, 32)
    assert onnx_file.parity(model, answers, images) < export.PARITY
    logits, embedding = onnxruntime.InferenceSession(model).run(
        ['logits', 'embedding'], {'images': images.numpy()}
    )
    head = network.head if kind == 'facenet' else network.fc
    with torch.no_grad():
        np.testing.assert_allclose(head(torch.from_numpy(embedding)), logits, atol=1e-4)


def test_calibration_finds_the_temperature_and_what_balances_the_answers():
    source = np.random.default_rng(0)
    shares = np.array([0.3, 0.03, 0.3, 0.2, 0.1, 0.07])
    truth = source.choice(6, 4000, p=shares)
    seen = np.eye(6)[truth] * 2 + source.gumbel(0, 1, (4000, 6))
    # A network that holds the shares twice over.
    logits = 4 * (seen + 2 * np.log(shares))
    chosen = calibrate(logits[:, None], truth, shares)
    assert chosen.temperature > 2
    answers = chosen.answers(logits[:, None], 1.0)
    recall = figures(answers, truth).recall
    assert recall[1] > figures(chosen.answers(logits[:, None]), truth).recall[1] + 0.2
    assert chosen.shares.sum() == pytest.approx(1) and chosen.shares[1] == chosen.shares.min()
    # Posed faces in which the network hardly sees the rare class have a say.
    shy = np.eye(6)[np.ones(300, int)] + source.gumbel(0, 1, (300, 6))
    posed = (4 * (shy + 2 * np.log(shares)))[:, None], np.ones(300, int)
    heard = calibrate(logits[:, None], truth, shares, posed)
    better, before = (
        figures(item.answers(posed[0], 1.0), posed[1]).uar for item in (heard, chosen)
    )
    assert better > before + 0.05


def test_a_checkpoint_for_other_classes_is_refused(tmp_path):
    path = tmp_path / 'seven.pth'
    save_torch(path, FaceNet(1, 7, 1, 8, (8, 16), (1, 1)).state_dict())
    with pytest.raises(TrainingError, match='trained for 7 outputs, but 6'):
        export.load_weights(FaceNet(1, 6, 1, 8, (8, 16), (1, 1)), path)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / 'last.ckpt'
    save_torch(path, {'epoch': 1})

    def full(descriptor):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(TrainingError, match='No space left'):
        save_torch(path, {'epoch': 2})
    assert load_torch(path) == {'epoch': 1}
    assert [item.name for item in tmp_path.iterdir()] == ['last.ckpt']


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / 'last.ckpt').write_bytes(b'half')
    with pytest.raises(TrainingError, match='not a readable checkpoint'):
        load_torch(tmp_path / 'last.ckpt')


def test_command_line_mistakes_are_explained(tmp_path, capsys):
    assert train.main(['--data', str(tmp_path / 'none'), '--out', str(tmp_path)]) == 2
    assert 'no such folder' in capsys.readouterr().err
    assert (
        train.main(
            [
                '--data',
                str(folder_set(tmp_path / 'd', EMOTIONS)),
                '--recipe',
                'wrong',
                '--out',
                str(tmp_path / 'o'),
            ]
        )
        == 2
    )
    assert "no recipe 'wrong'" in capsys.readouterr().err
    assert dispatcher.main(['train', 'nothing']) == 2


@pytest.mark.parametrize('look', [LOOK, Look(40, 'rgb', (0.4, 0.5, 0.6), (0.2, 0.2, 0.2))])
def test_augmentation_keeps_shape_and_follows_its_chance(look):
    source = np.random.default_rng(1)
    pictures = [source.integers(0, 255, (48, 48), dtype=np.uint8) for _ in range(24)]
    stack = torch.from_numpy(np.stack([look.picture(picture) for picture in pictures]))
    places = torch.from_numpy(framed_whole(24, look.size))[:, None]

    def batch(chance):
        return BatchAugment(look)(stack.permute(0, 3, 1, 2), places, chance)

    for augment in (batch, lambda chance: PhotoAugment(look)(pictures, chance)):
        one, same, other = (augment(Chance(seed)) for seed in (3, 3, 4))
        assert one.shape == (24, look.channels, look.size, look.size)
        assert torch.equal(one, same) and not torch.equal(one, other)
        assert torch.isfinite(one).all()


def test_figures_leave_out_classes_without_samples():
    probabilities = np.eye(6)[[0, 0, 2, 3]] * 0.9 + 0.1 / 6
    result = figures(probabilities, np.array([0, 2, 2, 3]))
    assert result.uar == pytest.approx((1 + 0.5 + 1) / 3)
    assert result.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert np.isnan(result.recall[1])
    assert calibration_error(np.array([[0.75, 0.25]] * 4), np.array([0, 0, 0, 1])) == 0


@pytest.mark.parametrize('window', [(0.0, 0.0, 1.0, 1.0), FRAME, (0.1, 0.07, 0.9, 0.87)])
@pytest.mark.parametrize('side', [48, 97, 224])
def test_a_picture_framed_for_a_window_is_what_the_window_shows(window, side):
    from emotion_perception.models.face import cut_window

    shade = np.tile(np.linspace(20, 230, side).astype(np.uint8), (side, 1))
    crop = evaluate.framed(shade, window)
    assert crop.shape[0] == crop.shape[1]
    seen = cv2.resize(cut_window(crop, window)[..., 0], (side, side), interpolation=cv2.INTER_AREA)
    assert np.abs(seen.astype(int) - shade).mean() < 2


def test_folders_to_judge_by_are_checked(tmp_path):
    folder_set(tmp_path / 'a', ('angry', 'disgust', 'happiness'), 2)
    (tmp_path / 'a' / 'sad').mkdir()
    faces, notes = evaluate.read_images(tmp_path / 'a')
    assert sorted(set(faces.truth.tolist())) == [0, 2]
    assert any('disgust' in note for note in notes) and any('sad' in note for note in notes)
    folder_set(tmp_path / 'b', ('angry', 'strange'), 2)
    with pytest.raises(TrainingError, match="unknown label 'strange'"):
        evaluate.read_images(tmp_path / 'b')


def test_the_detector_delivers_the_graphs_crop_and_counts_pictures_without_a_face(tmp_path):
    data = pytest.importorskip('skimage.data', reason='scikit-image carries a portrait')
    (tmp_path / 'Happy').mkdir()
    portrait = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(tmp_path / 'Happy' / 'a.png'), portrait)
    cv2.imwrite(str(tmp_path / 'Happy' / 'b.png'), np.full((200, 200, 3), 128, np.uint8))
    (tmp_path / 'Happy' / 'c.png').write_bytes(b'broken')
    out = tmp_path / 'out.json'
    assert evaluate.main(['--images', str(tmp_path), '--detect', '--json', str(out)]) == 0
    result = json.loads(out.read_text())
    assert (result['n'], result['no_face'], result['unreadable']) == (1, 1, 1)
    assert result['accuracy'] == 1.0  # she smiles


def test_several_models_are_judged_side_by_side_for_each_mixture(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for label, count in (('Happy', 9), ('Fear', 3)):
        (tmp_path / 'faces' / label).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(
                str(tmp_path / 'faces' / label / f'{number}.png'),
                rng.integers(0, 255, (64, 64), np.uint8),
            )
    shares = (0.05, 0.05, 0.6, 0.1, 0.1, 0.1)
    stated = face_model(tmp_path, shares=shares, name='stated.onnx')
    unknown = face_model(tmp_path, name='unknown.onnx')
    out = tmp_path / 'out.json'
    assert (
        evaluate.main(
            [
                '--images',
                str(tmp_path / 'faces'),
                '--model',
                str(stated),
                '--model',
                str(unknown),
                '--class-balance',
                '0.5',
                '--json',
                str(out),
            ]
        )
        == 0
    )
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    rows = [(line[0], line[1]) for line in lines if line and line[0].endswith('.onnx')]
    assert rows == [
        (str(stated), '0'),
        (str(unknown), 'unknown'),
        (str(stated), '0.5'),
        (str(stated), '1'),
    ]
    result = json.loads(out.read_text())
    assert result['class_balance'] == 0.5 and result['model'] == str(stated)
    first, second = result['models'].values()
    assert first['milliseconds']['one face'] > 0 and first['milliseconds']['eight faces'] > 0
    assert first['shares']['Happy'] == pytest.approx(0.6, abs=1e-6)
    assert second['class_balance'] is None and second['shares'] is None
    # Balanced, the stated model says what the other one does: it is as sure of Happy on all.
    likely = np.exp([0.0, 0.0, 2.5, 0.5, 0.0, 0.2])
    sure = likely[2] / likely.sum()
    assert first['balanced']['ece'] == pytest.approx(abs(sure - 0.5), abs=0.02)
    assert second['natural']['ece'] == pytest.approx(abs(sure - 0.75), abs=0.02)
    assert evaluate.main(['--images', str(tmp_path / 'faces'), '--class-balance', '2']) == 2
    assert '0 to 1' in capsys.readouterr().err


def test_samples_are_weighted_to_the_mixture_that_is_asked_for():
    truth = np.array([0] * 8 + [1] * 2)
    weights = metrics.mixture_weights(truth, np.array([0.25, 0.75]))
    assert np.bincount(truth, weights) == pytest.approx([0.25, 0.75])
    sure = np.tile([[0.9, 0.1]], (10, 1))
    assert metrics.calibration_error(sure, truth) == pytest.approx(0.1)
    assert metrics.calibration_error(sure, truth, weights=weights) == pytest.approx(0.65)


def test_the_embedded_default_is_what_its_catalogue_says():
    model = load_model('fer-default', 'fer')
    assert set(model.entry.labels) == set(EMOTIONS)
    assert model.entry.bytes <= 10_000_000 and model.entry.sha256


def test_the_embedded_default_reaches_its_figures_on_pictures_it_never_saw(shared):
    root = shared / 'data' / 'faces'
    if not root.is_dir():
        pytest.skip(f'needs {root}')
    faces = read_faces(root).of('test')
    truth = faces.truths[0]
    chosen = np.flatnonzero(truth >= 0)[::8]
    recognizer = FaceEmotionRecognizer(load_model('fer-default', 'fer'), NATURAL)
    window = recognizer.input.window
    answers = np.concatenate(
        [
            recognizer.predict(
                [evaluate.framed(faces.picture(index), window) for index in part]
            ).probabilities
            for part in np.array_split(chosen, 8)
        ]
    )
    natural = figures(answers, truth[chosen])
    usual = figures(rebalance(answers, recognizer.model.shares, 0.5), truth[chosen])
    # All 3328 give an accuracy of .859 and, half-way to equal shares, a UAR of .822.
    assert len(chosen) == 416
    assert natural.accuracy > 0.83
    assert usual.uar > 0.78 and usual.recall.min() > 0.6
