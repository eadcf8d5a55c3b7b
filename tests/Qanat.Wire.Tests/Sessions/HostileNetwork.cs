using Qanat.Wire.Sessions;

namespace Qanat.Wire.Tests.Sessions;

/// <summary>What the network does to frames; probabilities per frame.</summary>
internal sealed record Hostility
{
    public double Drop { get; init; }
    public double Double { get; init; }
    public double Swap { get; init; }
    public double Truncate { get; init; }
    public double Flip { get; init; }
    /// <summary>Link losses per simulated second and side.</summary>
    public double LinkLoss { get; init; }
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(5);
    /// <summary>After this time the network behaves.</summary>
    public TimeSpan Until { get; init; } = TimeSpan.FromSeconds(20);
    /// <summary>From this time on nothing from the acceptor reaches the initiator.</summary>
    public TimeSpan OneWayDeadFrom { get; init; } = TimeSpan.MaxValue;
}

/// <summary>
/// Two session state machines over a simulated network in simulated time: everything follows from the seed. Each side writes its bytes,
/// closes, and reads in pieces; <see cref="Run"/> ends when both sessions have ended or nothing can happen any more.
/// </summary>
internal sealed class HostileNetwork
{
    public static readonly SessionSettings Settings = new() { InitialWindow = 128 << 10, MaxWindow = 1 << 20, Backlog = 64 << 10, Grace = TimeSpan.FromSeconds(30) };
    private static readonly Mid s_a = Mid.FromSubjectPublicKeyInfo([1]);
    private static readonly Mid s_b = Mid.FromSubjectPublicKeyInfo([2]);
    private readonly Hostility _hostility;
    private readonly Random _random;
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly byte[] _frame = new byte[FrameHeader.MaxFrame];
    private long _order;

    public HostileNetwork(int seed, Hostility hostility, int bytesFromA, int bytesFromB)
    {
        _hostility = hostility;
        _random = new Random(seed);
        A = new Side(this, Bytes(bytesFromA), true);
        B = new Side(this, Bytes(bytesFromB), false) { SlowReader = _random.Next(3) == 0 };
        A.Peer = B;
        B.Peer = A;
        A.Session = SessionState.Open(s_a, s_b, 7, Settings, Memory, (ulong)seed, true, 0);
    }

    public SessionMemory Memory { get; } = new(2 << 20);
    public long Now { get; private set; }
    public Side A { get; }
    public Side B { get; }
    public long LargestMemory { get; private set; }

    private bool Calm => Now >= _hostility.Until.Ticks;

    public void Run()
    {
        ScheduleLinkLoss(A);
        ScheduleLinkLoss(B);
        for (int step = 0; step < 2_000_000; step++)
        {
            A.Work();
            B.Work();
            LargestMemory = Math.Max(LargestMemory, Memory.BlockBytesInUse);
            if (A.IsOver && B.IsOver)
            {
                return;
            }
            if (A.HasUnread || B.HasUnread)
            {
                At(Now + 1000, static () => { });
            }
            long deadline = Math.Max(Now + 1, Math.Min(A.NextDeadline, B.NextDeadline));
            if (_events.TryPeek(out _, out (long At, long) next) && next.At <= deadline)
            {
                Now = Math.Max(Now, next.At);
                _events.Dequeue()();
            }
            else if (deadline != long.MaxValue)
            {
                Now = Math.Max(Now, deadline);
                A.OnTimer();
                B.OnTimer();
            }
            else
            {
                return;
            }
        }
        Assert.Fail("The simulation does not come to an end.");
    }

    private void At(long at, Action action) => _events.Enqueue(action, (at, _order++));

    private void ScheduleLinkLoss(Side side)
    {
        if (_hostility.LinkLoss <= 0)
        {
            return;
        }
        long at = Now + (long)(-Math.Log(1 - _random.NextDouble()) / _hostility.LinkLoss * TimeSpan.TicksPerSecond);
        At(at, () =>
        {
            if (Calm)
            {
                return;
            }
            side.LinkLost(TimeSpan.FromMilliseconds(_random.Next(0, 1500)).Ticks);
            ScheduleLinkLoss(side);
        });
    }

    private void Carry(Side to, ReadOnlySpan<byte> frame)
    {
        bool hostile = !Calm;
        if ((hostile && _random.NextDouble() < _hostility.Drop) || (to == A && Now >= _hostility.OneWayDeadFrom.Ticks))
        {
            return;
        }
        int copies = hostile && _random.NextDouble() < _hostility.Double ? 2 : 1;
        for (int copy = 0; copy < copies; copy++)
        {
            byte[] bytes = frame.ToArray();
            if (hostile && _random.NextDouble() < _hostility.Truncate)
            {
                bytes = bytes[..Math.Max(FrameHeader.Length, _random.Next(bytes.Length))];
            }
            if (hostile && _random.NextDouble() < _hostility.Flip)
            {
                bytes[_random.Next(36, Math.Min(bytes.Length, 80))] ^= (byte)(1 << _random.Next(8));
            }
            long delay = _hostility.Delay.Ticks;
            if (hostile && _random.NextDouble() < _hostility.Swap)
            {
                delay += _random.NextInt64(_hostility.Delay.Ticks * 20);
            }
            int epoch = to.Epoch;
            At(Now + delay, () => to.Receive(bytes, epoch));
        }
    }

    private byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }

    internal sealed class Side(HostileNetwork network, byte[] toSend, bool isInitiator)
    {
        private readonly List<byte> _got = [];
        private readonly byte[] _direct = new byte[3000];
        private int _written;
        private bool _linkUp = true;
        private bool _sawEnd;

        public Side Peer { get; set; } = null!;
        public SessionState? Session { get; set; }
        public bool SlowReader { get; init; }
        public int Epoch { get; private set; }
        public byte[] Sent => toSend;
        public byte[] Got => _got.ToArray();
        public bool SawEndOfStream => _sawEnd;
        public bool IsOver => Forgotten
            || (Session is { Phase: SessionPhase.Ended, HasFrame: false } && (SawEndOfStream || Session.EndReason != FrameReason.Normal));
        public bool HasUnread => Session is { UnreadBytes: > 0 };
        public long NextDeadline => Session is null || Forgotten ? long.MaxValue : Session.NextDeadline;

        public void OnTimer()
        {
            if (Session is not null && Session.NextDeadline <= network.Now && Session.Phase != SessionPhase.Ended)
            {
                Session.OnTimer(network.Now);
            }
            else if (Session is { Phase: SessionPhase.Ended } && Session.IsRemovable(network.Now) && !HasUnread)
            {
                // Forgotten by the table: from now on it is an unknown session.
                Forgotten = true;
            }
        }

        public bool Forgotten { get; private set; }

        public void LinkLost(long duration)
        {
            Epoch++;
            _linkUp = false;
            Session?.OnLinkDown(network.Now);
            network.At(network.Now + duration, () =>
            {
                _linkUp = true;
                Session?.OnLinkUp(network.Now);
            });
        }

        public void Work()
        {
            if (Session is null)
            {
                return;
            }
            long now = network.Now;
            if (_written < toSend.Length)
            {
                int some = Math.Min(toSend.Length - _written, network._random.Next(1, 50_000));
                _written += Session.Write(toSend.AsSpan(_written, some), now);
            }
            if (_written == toSend.Length)
            {
                Session.CloseWrite();
            }
            if (!SlowReader || network._random.Next(4) == 0)
            {
                Span<byte> some = stackalloc byte[8000];
                int n = Session.Read(some, now);
                _got.AddRange(some[..n]);
            }
            _sawEnd |= Session.IsEndOfStream;
            for (int i = 0; i < 4 && _linkUp && Session.TryGetNextFrame(now, out FrameHeader header, out int length); i++)
            {
                Span<byte> frame = network._frame.AsSpan(0, FrameHeader.Length + length);
                header.Write(frame);
                Session.CommitFrame(now, frame[FrameHeader.Length..]);
                network.Carry(Peer, frame);
            }
        }

        public void Receive(byte[] frame, int epoch)
        {
            if (!_linkUp || epoch != Epoch
                || FrameHeader.TryRead(frame, out FrameHeader header, out ReadOnlySpan<byte> payload) != ParseStatus.Complete
                || header.SessionId != 7)
            {
                return;
            }
            if (Session is null)
            {
                if (!isInitiator && header.Type == FrameType.Open && SessionParameters.TryRead(payload, out SessionParameters open))
                {
                    Session = SessionState.Accept(s_b, s_a, 7, open, Settings, network.Memory, 99, _linkUp, network.Now);
                }
                return;
            }
            if (Forgotten)
            {
                if (header.Type != FrameType.Reset)
                {
                    byte[] reset = new byte[FrameHeader.Length];
                    new FrameHeader(FrameType.Reset, FrameReason.UnknownSession, 0, header.Destination, header.Source, 7, 0).Write(reset);
                    network.Carry(Peer, reset);
                }
                return;
            }
            bool waiting = network._random.Next(2) == 0 && Session.UnreadBytes == 0;
            Session.OnFrame(header, payload, network.Now, waiting ? _direct : default, out int directBytes);
            _got.AddRange(_direct.AsSpan(0, directBytes));
        }
    }
}
