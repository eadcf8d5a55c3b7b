namespace Qanat.Wire.Mux;

/// <summary>Where a flow stands in a <see cref="FairQueue{T}"/>; kept inside the flow so that scheduling never allocates.</summary>
/// <typeparam name="T">The flow.</typeparam>
public struct FairLinks<T> where T : class
{
    internal T? Next;
    internal int Deficit;
    internal uint Round;
    internal FairPlace Place;
    internal bool HasWork;
    internal bool FromNew;
}

/// <summary>List a flow is in.</summary>
internal enum FairPlace : byte
{
    None,
    New,
    Old,
    Turn,
}

/// <summary>A flow that can be scheduled.</summary>
/// <typeparam name="T">The flow itself.</typeparam>
public interface IFairFlow<T> where T : class
{
    /// <summary>The queue's own state in the flow.</summary>
    ref FairLinks<T> Fair { get; }
}

/// <summary>
/// Deficit round robin with a list of new flows that go first, after fq_codel (RFC 8290 section 4): a flow that sends less than
/// a quantum per round is served at once, bulk flows share the rest evenly. Unlike there, a flow that runs dry keeps what it has used of
/// its round's quantum, so that stopping for a moment gains nothing; and new flows get at most four quanta in a row while old ones wait,
/// so that nobody starves. Not thread-safe.
/// </summary>
/// <typeparam name="T">The flow.</typeparam>
public sealed class FairQueue<T> where T : class, IFairFlow<T>
{
    /// <summary>Bytes per turn.</summary>
    public const int Quantum = 16384;

    private const int MostNewInARow = 4 * Quantum;

    private T? _newHead, _newTail, _oldHead, _oldTail;
    private int _working;
    private int _newInARow;
    private uint _round = 1;

    /// <summary>True when a call of <see cref="Next"/> would find a flow.</summary>
    public bool HasWork => _working > 0;

    /// <summary>The flow has something to send. Idempotent.</summary>
    public void Add(T flow)
    {
        ref FairLinks<T> links = ref flow.Fair;
        if (links.HasWork)
        {
            return;
        }
        links.HasWork = true;
        _working++;
        if (links.Place == FairPlace.None)
        {
            if (links.Round != _round)
            {
                links.Round = _round;
                links.Deficit = Quantum;
            }
            Enqueue(flow, links.Deficit > 0);
        }
    }

    /// <summary>The flow has nothing to send any more (it was reset). It leaves its list when it comes up.</summary>
    public void Remove(T flow)
    {
        ref FairLinks<T> links = ref flow.Fair;
        if (links.HasWork)
        {
            links.HasWork = false;
            _working--;
        }
    }

    /// <summary>
    /// Takes the flow whose turn it is; null when none has work. Its work counts as taken: <see cref="Add"/> during the turn
    /// announces new work. Must be followed by <see cref="EndTurn"/>.
    /// </summary>
    public T? Next()
    {
        while (_working > 0)
        {
            bool fromNew = _newHead is not null && (_oldHead is null || _newInARow < MostNewInARow);
            T flow = fromNew ? Take(ref _newHead, ref _newTail) : Take(ref _oldHead, ref _oldTail);
            ref FairLinks<T> links = ref flow.Fair;
            if (!links.HasWork)
            {
                links.Place = FairPlace.None;
                continue;
            }
            if (links.Deficit <= 0)
            {
                if (links.Round == _round)
                {
                    // It has come up again since it got this round's quantum: the old list has gone round once.
                    _round++;
                }
                links.Round = _round;
                links.Deficit += Quantum;
                Enqueue(flow, asNew: false);
                continue;
            }
            links.Place = FairPlace.Turn;
            links.FromNew = fromNew;
            links.HasWork = false;
            _working--;
            return flow;
        }
        // Nobody has work: flows that stayed only to keep their place must not be held (they may be long gone).
        Clear(ref _newHead, ref _newTail);
        Clear(ref _oldHead, ref _oldTail);
        _round++;
        _newInARow = 0;
        return null;
    }

    /// <summary>Ends a turn.</summary>
    /// <param name="flow">The flow from <see cref="Next"/>.</param>
    /// <param name="cost">Bytes written.</param>
    /// <param name="more">It has more to send now.</param>
    public void EndTurn(T flow, int cost, bool more)
    {
        ref FairLinks<T> links = ref flow.Fair;
        links.Deficit -= cost;
        if (more && !links.HasWork)
        {
            links.HasWork = true;
            _working++;
        }
        _newInARow = links.FromNew && _oldHead is not null ? _newInARow + cost : 0;
        if (!links.HasWork)
        {
            links.Place = FairPlace.None;
        }
        else if (links.Deficit <= 0)
        {
            Enqueue(flow, asNew: false);
        }
        else if (links.FromNew)
        {
            links.Place = FairPlace.New;
            Prepend(ref _newHead, ref _newTail, flow);
        }
        else
        {
            links.Place = FairPlace.Old;
            Prepend(ref _oldHead, ref _oldTail, flow);
        }
    }

    private void Enqueue(T flow, bool asNew)
    {
        flow.Fair.Place = asNew ? FairPlace.New : FairPlace.Old;
        if (asNew)
        {
            Append(ref _newHead, ref _newTail, flow);
        }
        else
        {
            Append(ref _oldHead, ref _oldTail, flow);
        }
    }

    private static void Append(ref T? head, ref T? tail, T flow)
    {
        flow.Fair.Next = null;
        if (tail is null)
        {
            head = flow;
        }
        else
        {
            tail.Fair.Next = flow;
        }
        tail = flow;
    }

    private static void Prepend(ref T? head, ref T? tail, T flow)
    {
        flow.Fair.Next = head;
        head = flow;
        tail ??= flow;
    }

    private static void Clear(ref T? head, ref T? tail)
    {
        while (head is not null)
        {
            Take(ref head, ref tail).Fair.Place = FairPlace.None;
        }
    }

    private static T Take(ref T? head, ref T? tail)
    {
        T flow = head!;
        head = flow.Fair.Next;
        flow.Fair.Next = null;
        if (head is null)
        {
            tail = null;
        }
        return flow;
    }
}
