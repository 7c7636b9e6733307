import torch
from toys import convnet, same, weights

from nasmyth.train.average import EMA, Average


def test_follows_its_recurrence_for_weights_and_norm_statistics():
    torch.manual_seed(0)
    net = convnet().train()
    average = Average(net, EMA(0.15))
    expected = {name: t.double() for name, t in weights(net).items()}
    for step in range(1, 12):
        with torch.no_grad():
            for p in net.parameters():
                p.add_(torch.randn_like(p))
        net(torch.randn(4, 1, 8, 8))  # moves the norm statistics
        average.update()
        decay = min(0.15, (1 + step) / (10 + step))
        for name, t in net.state_dict().items():
            if t.is_floating_point():
                expected[name] = decay * expected[name] + (1 - decay) * t.double()
            else:
                expected[name] = t.double()
    live = weights(net)
    with average.shown():
        for name, t in net.state_dict().items():
            torch.testing.assert_close(t.double(), expected[name], rtol=1e-5, atol=1e-6)
    assert same(live, weights(net))
