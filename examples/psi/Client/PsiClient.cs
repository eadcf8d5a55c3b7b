using System.Diagnostics;
using System.Text.Json;
using Psi.Crypto;
using Psi.Data;
using Psi.Protocol;

namespace Psi.Client;

/// <summary>The asking party: learns how many ids both have, and the sum of the server's numbers over them.</summary>
internal sealed class PsiClient(Records records, RunOptions options, HttpMessageHandler? handler = null)
{
    private const int ItemBytes = Ristretto.PointBytes + SumCipher.CiphertextBytes;
    private int _steps;
    private int _stepsDone;

    /// <summary>Runs the protocol once. Network and protocol failures end in a result that says so.</summary>
    internal async Task<RunResult> RunAsync(CancellationToken cancel)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        using CheckedHttp http = new(handler ?? new SocketsHttpHandler { MaxConnectionsPerServer = options.Parallel }, options);
        int size = 0;
        long sum = 0;
        int serverIds = 0;
        string? error = null;
        try
        {
            (serverIds, size, sum) = await RunAsync(http, cancel);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException or JsonException or TaskCanceledException)
        {
            error = e.Message;
        }
        return new RunResult(
            error is null, size, sum, records.Count, serverIds, options.Batch, http.BytesSent, http.BytesReceived, http.Requests, http.Failed, http.Retries,
            Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 3), Math.Round((Environment.CpuUsage.TotalTime - cpu).TotalSeconds, 3), error);
    }

    private async Task<(int ServerIds, int Size, long Sum)> RunAsync(CheckedHttp http, CancellationToken cancel)
    {
        byte[] hello = JsonSerializer.SerializeToUtf8Bytes(new SessionRequest(records.Count, options.Batch), PsiJson.Default.SessionRequest);
        SessionReply session = JsonSerializer.Deserialize(
            await http.SendAsync(HttpMethod.Post, "psi/sessions", hello, json: true, cancel), PsiJson.Default.SessionReply)
            ?? throw new InvalidDataException("The server did not describe the run.");
        if (session.Ids is < 1 or > Records.MaxIds || !Ristretto.IsValid(session.PublicKey) || string.IsNullOrEmpty(session.Session))
        {
            throw new InvalidDataException("The server's description of the run is malformed.");
        }
        string path = "psi/sessions/" + Uri.EscapeDataString(session.Session);
        Batches mine = new(records.Count, options.Batch);
        Batches theirs = new(session.Ids, options.Batch);
        _steps = (2 * mine.Count) + theirs.Count + 1;

        using SecretScalar exponent = new();
        byte[] items = new byte[(long)session.Ids * ItemBytes];
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = options.Parallel, CancellationToken = cancel };

        // Own ids go out blinded while the server's come in; the server's are raised to the own exponent on arrival.
        await Parallel.ForEachAsync(Interleave(mine.Count, theirs.Count), parallel, async (step, token) =>
        {
            if (step.Mine)
            {
                byte[] body = Blind(exponent, mine.Start(step.Batch), mine.Length(step.Batch));
                await http.SendAsync(HttpMethod.Put, $"{path}/blinded/{step.Batch}", body, json: false, token);
            }
            else
            {
                byte[] body = await http.SendAsync(HttpMethod.Get, $"{path}/items/{step.Batch}", null, json: false, token);
                Raise(exponent, body, items.AsSpan(theirs.Start(step.Batch) * ItemBytes, theirs.Length(step.Batch) * ItemBytes));
            }
            Report(http);
        });

        byte[] evaluated = new byte[(long)records.Count * Ristretto.PointBytes];
        await Parallel.ForEachAsync(Enumerable.Range(0, mine.Count), parallel, async (batch, token) =>
        {
            byte[] body = await http.SendAsync(HttpMethod.Get, $"{path}/evaluated/{batch}", null, json: false, token);
            if (body.Length != mine.Length(batch) * Ristretto.PointBytes)
            {
                throw new InvalidDataException($"The server returned {body.Length} bytes for {mine.Length(batch)} ids.");
            }
            body.CopyTo(evaluated, mine.Start(batch) * Ristretto.PointBytes);
            Report(http);
        });

        byte[] sum = new byte[SumCipher.CiphertextBytes];
        int size = Intersect(evaluated, items, sum);
        using SecretScalar mask = new();
        if (!SumCipher.TryMask(sum, session.PublicKey, mask))
        {
            throw new InvalidDataException("The server's public key is malformed.");
        }
        byte[] masked = await http.SendAsync(HttpMethod.Post, $"{path}/sum", sum, json: false, cancel);
        Report(http);
        await http.SendAsync(HttpMethod.Delete, path, null, json: false, cancel);
        return (session.Ids, size, Unmask(masked, mask));
    }

    private byte[] Blind(SecretScalar exponent, int start, int count)
    {
        byte[] blinded = new byte[count * Ristretto.PointBytes];
        Span<byte> point = stackalloc byte[Ristretto.PointBytes];
        for (int i = 0; i < count; i++)
        {
            HashToGroup.Hash(records.Ids[start + i], point);
            _ = Ristretto.TryMultiply(exponent.Bytes, point, blinded.AsSpan(i * Ristretto.PointBytes, Ristretto.PointBytes));
        }
        return blinded;
    }

    /// <summary>Copies items and raises the point of each to the own exponent.</summary>
    private static void Raise(SecretScalar exponent, ReadOnlySpan<byte> body, Span<byte> items)
    {
        if (body.Length != items.Length)
        {
            throw new InvalidDataException($"The server sent {body.Length} bytes of items, {items.Length} are due.");
        }
        body.CopyTo(items);
        for (int at = 0; at < body.Length; at += ItemBytes)
        {
            if (!Ristretto.TryMultiply(exponent.Bytes, body.Slice(at, Ristretto.PointBytes), items.Slice(at, Ristretto.PointBytes)))
            {
                throw new InvalidDataException("The server sent a point that is no element of the group.");
            }
        }
    }

    /// <summary>Counts the points that both have and adds up the ciphertexts beside them.</summary>
    private static int Intersect(byte[] evaluated, byte[] items, Span<byte> sum)
    {
        HashSet<UInt128> own = new(evaluated.Length / Ristretto.PointBytes);
        for (int at = 0; at < evaluated.Length; at += Ristretto.PointBytes)
        {
            own.Add(Label(evaluated.AsSpan(at)));
        }
        int size = 0;
        for (int at = 0; at < items.Length; at += ItemBytes)
        {
            if (own.Remove(Label(items.AsSpan(at))))
            {
                size++;
                if (!SumCipher.TryAccumulate(sum, items.AsSpan(at + Ristretto.PointBytes, SumCipher.CiphertextBytes)))
                {
                    throw new InvalidDataException("The server sent a malformed ciphertext.");
                }
            }
        }
        return size;
    }

    /// <summary>The first 16 bytes of a point: two of 4 million random points agree in them with probability below 2^-80.</summary>
    private static UInt128 Label(ReadOnlySpan<byte> point) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(point);

    private static long Unmask(byte[] masked, SecretScalar mask)
    {
        Span<byte> point = stackalloc byte[Ristretto.PointBytes];
        Ristretto.MultiplyBase(mask.Bytes, point);
        return masked.Length == Ristretto.PointBytes && Ristretto.TrySubtract(masked, point, point)
            ? DiscreteLogarithm.Find(point)
            : throw new InvalidDataException("The server's sum is malformed.");
    }

    private void Report(CheckedHttp http)
    {
        int done = Interlocked.Increment(ref _stepsDone);
        if (options.OnProgress is not null && done * 20L / _steps != (done - 1) * 20L / _steps)
        {
            options.OnProgress(new Progress(Math.Round((double)done / _steps, 2), http.Requests));
        }
    }

    private static IEnumerable<(bool Mine, int Batch)> Interleave(int mine, int theirs)
    {
        for (int i = 0; i < Math.Max(mine, theirs); i++)
        {
            if (i < mine)
            {
                yield return (true, i);
            }
            if (i < theirs)
            {
                yield return (false, i);
            }
        }
    }
}
