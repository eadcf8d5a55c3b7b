using System.Runtime.InteropServices;
using Qanat.Tls.Engine;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine;

/// <summary>Joins two engines in memory: what one sends is cut into records, shown to the test, and given to the other.</summary>
internal sealed class EnginePump(TlsEngine client, TlsEngine server) : IDisposable
{
    private readonly List<byte> _toClient = [];
    private readonly List<byte> _toServer = [];

    /// <summary>Changes one record on its way; what it returns arrives. Null: nothing is changed.</summary>
    public Func<bool, byte[], byte[]>? OnWire { get; set; }

    /// <summary>Every record as sent.</summary>
    public List<(bool FromServer, byte[] Record)> Log { get; } = [];

    /// <summary>Application data that arrived at the client.</summary>
    public List<byte> ClientReceived { get; } = [];

    /// <summary>Application data that arrived at the server.</summary>
    public List<byte> ServerReceived { get; } = [];

    public TlsEngine Client => client;

    public TlsEngine Server => server;

    public TlsEngine Engine(bool isServer) => isServer ? server : client;

    /// <summary>Begins and goes on until nobody has anything to say.</summary>
    public EnginePump Run()
    {
        client.Start();
        server.Start();
        return Continue();
    }

    public EnginePump Continue()
    {
        while (Flush(fromServer: false) | Flush(fromServer: true))
        {
        }
        return this;
    }

    /// <summary>Runs, and asserts that both ends are done.</summary>
    public EnginePump RunToCompletion()
    {
        Run();
        Assert.Null(client.Failure);
        Assert.Null(server.Failure);
        Assert.True(client.IsHandshakeComplete && server.IsHandshakeComplete);
        return this;
    }

    /// <summary>Sends application data and lets it arrive.</summary>
    public void Send(bool fromServer, ReadOnlySpan<byte> data)
    {
        TlsEngine sender = Engine(fromServer);
        Flush(fromServer);
        byte[] records = new byte[sender.GetSealedLength(data.Length)];
        int length = sender.Seal(data, records);
        Assert.Equal(records.Length, length);
        Transmit(fromServer, records);
        Continue();
    }

    /// <summary>Bytes that a test makes arrive.</summary>
    public SmTlsError Inject(bool toServer, ReadOnlySpan<byte> bytes)
    {
        (toServer ? _toServer : _toClient).AddRange(bytes);
        Deliver(toServer);
        return Engine(toServer).Failure?.Error ?? SmTlsError.None;
    }

    public void Dispose()
    {
        client.Dispose();
        server.Dispose();
    }

    private bool Flush(bool fromServer)
    {
        TlsEngine sender = Engine(fromServer);
        bool any = false;
        for (ReadOnlyMemory<byte> output = sender.Output; !output.IsEmpty; output = sender.Output)
        {
            byte[] bytes = output.ToArray();
            sender.ConsumeOutput(bytes.Length);
            Transmit(fromServer, bytes);
            any = true;
        }
        return any;
    }

    private void Transmit(bool fromServer, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            Assert.Equal(TlsReadStatus.Complete, RecordHeader.TryRead(bytes, RecordHeader.MaxTlcpCiphertext, out RecordHeader header, out _));
            byte[] record = bytes[..(RecordHeader.Size + header.Length)].ToArray();
            bytes = bytes[record.Length..];
            Log.Add((fromServer, record));
            (fromServer ? _toClient : _toServer).AddRange(OnWire is null ? record : OnWire(fromServer, record));
        }
        Deliver(toServer: !fromServer);
    }

    private void Deliver(bool toServer)
    {
        List<byte> waiting = toServer ? _toServer : _toClient;
        TlsEngine engine = Engine(toServer);
        int at = 0;
        while (engine.Failure is null)
        {
            ReadOnlySpan<byte> rest = CollectionsMarshal.AsSpan(waiting)[at..];
            TlsReadStatus status = RecordHeader.TryRead(rest, engine.MaxFragmentLength, out RecordHeader header, out SmTlsError error);
            if (status == TlsReadStatus.Malformed)
            {
                engine.Fail(error, "not a record");
                break;
            }
            if (status == TlsReadStatus.NeedMoreData || rest.Length < RecordHeader.Size + header.Length)
            {
                break;
            }
            byte[] fragment = rest.Slice(RecordHeader.Size, header.Length).ToArray();
            at += RecordHeader.Size + header.Length;
            error = engine.Receive(header, fragment, out Span<byte> data);
            Assert.Equal(error, engine.Failure?.Error ?? SmTlsError.None);
            (toServer ? ServerReceived : ClientReceived).AddRange(data);
        }
        waiting.RemoveRange(0, at);
    }
}

/// <summary>A clock that stands.</summary>
internal sealed class StoppedClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
