using Qanat.Tls.Engine;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>An engine with what a connection around it would have: received bytes that are no whole record yet, and the application data that came out.</summary>
internal sealed class EngineEnd(TlsEngine engine)
{
    private readonly List<byte> _received = [];

    public TlsEngine Engine => engine;

    public List<byte> ApplicationData { get; } = [];

    public SmTlsError Error => engine.Failure?.Error ?? SmTlsError.None;

    /// <summary>Takes bytes as they come from the network.</summary>
    public void Feed(ReadOnlySpan<byte> bytes)
    {
        _received.AddRange(bytes);
        while (engine.Failure is null)
        {
            byte[] all = [.. _received];
            switch (RecordHeader.TryRead(all, engine.MaxFragmentLength, out RecordHeader header, out SmTlsError error))
            {
                case TlsReadStatus.Malformed:
                    engine.Fail(error, "a record header that is none");
                    return;
                case TlsReadStatus.Complete when all.Length >= RecordHeader.Size + header.Length:
                    _received.RemoveRange(0, RecordHeader.Size + header.Length);
                    engine.Receive(header, all.AsSpan(RecordHeader.Size, header.Length), out Span<byte> data);
                    ApplicationData.AddRange(data);
                    break;
                default:
                    return;
            }
        }
    }

    /// <summary>Everything that waits to be sent.</summary>
    public byte[] Drain()
    {
        List<byte> sent = [];
        while (engine.Output is { IsEmpty: false } output)
        {
            sent.AddRange(output.Span);
            engine.ConsumeOutput(output.Length);
        }
        return [.. sent];
    }

    /// <summary>Application data as records, behind what waits.</summary>
    public byte[] Seal(ReadOnlySpan<byte> data)
    {
        byte[] before = Drain(), records = new byte[engine.GetSealedLength(data.Length)];
        return [.. before, .. records.AsSpan(0, engine.Seal(data, records))];
    }
}

/// <summary>Two ends, and the wire between them.</summary>
internal sealed class EnginePair(TlsEngine client, TlsEngine server) : IDisposable
{
    public EngineEnd Client { get; } = new(client);

    public EngineEnd Server { get; } = new(server);

    /// <summary>What happens to the records of one flush on their way; null: nothing. First argument: whether the client sent them.</summary>
    public Func<bool, byte[], IEnumerable<byte[]>>? Wire { get; init; }

    /// <summary>Starts both and lets them talk until nothing more is to be said.</summary>
    public EnginePair Handshake()
    {
        client.Start();
        server.Start();
        return Talk();
    }

    public EnginePair Talk()
    {
        for (int silent = 0; silent < 2;)
        {
            silent = Pass(fromClient: true) | Pass(fromClient: false) ? 0 : silent + 1;
        }
        return this;
    }

    /// <summary>Sends application data one way.</summary>
    public byte[] Send(bool fromClient, byte[] data)
    {
        EngineEnd from = fromClient ? Client : Server, to = fromClient ? Server : Client;
        int before = to.ApplicationData.Count;
        Deliver(fromClient, from.Seal(data));
        Talk();
        return [.. to.ApplicationData.Skip(before)];
    }

    public void Dispose()
    {
        client.Dispose();
        server.Dispose();
    }

    private bool Pass(bool fromClient)
    {
        byte[] bytes = (fromClient ? Client : Server).Drain();
        if (bytes.Length > 0)
        {
            Deliver(fromClient, bytes);
        }
        return bytes.Length > 0;
    }

    private void Deliver(bool fromClient, byte[] bytes)
    {
        EngineEnd to = fromClient ? Server : Client;
        if (Wire is null)
        {
            to.Feed(bytes);
            return;
        }
        foreach (byte[] record in Records(bytes))
        {
            foreach (byte[] passed in Wire(fromClient, record))
            {
                to.Feed(passed);
            }
        }
    }

    /// <summary>Cuts bytes into records.</summary>
    public static IEnumerable<byte[]> Records(byte[] bytes)
    {
        for (int at = 0; at < bytes.Length;)
        {
            int length = RecordHeader.Size + (bytes[at + 3] << 8 | bytes[at + 4]);
            yield return bytes[at..(at + length)];
            at += length;
        }
    }
}
